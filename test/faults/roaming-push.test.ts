import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pull } from '#test/support/registry-client.ts';
import { seededRandom } from '#test/support/seeded-random.ts';
import { readBudget } from './support/budget.ts';
import { startFaultCluster, type FaultCluster } from './support/fault-cluster.ts';
import { recordPush } from './support/recorded-push.ts';
import { makeSmallImage } from './support/small-image.ts';

const { seed, whole } = readBudget();
const PUSHES = whole ? 60 : 6;
const AT_ONCE = 4;
const REPOSITORY = 'team/roaming';

describe(`a push may change region midway (seed ${seed})`, () => {
  let cluster: FaultCluster;
  const random = seededRandom(seed);
  beforeAll(async () => {
    cluster = await startFaultCluster({ etcd: 'coordinator', links: { delayMs: 10 } });
    cluster.links.set('us', 'ap', { delayMs: 40 });
    cluster.links.set('eu', 'ap', { delayMs: 60 });
  });
  afterAll(() => cluster.dispose());

  it('between any two requests', async () => {
    const anywhere = (): string =>
      cluster.regions[Math.floor(random() * cluster.regions.length)]?.registry ?? '';
    let requests = 0;
    const next = (): string => {
      requests += 1;
      return anywhere();
    };
    const images = Array.from({ length: PUSHES }, (_, i) => makeSmallImage(`${i}`, [300_000 + i, 10 + i]));
    const queue = images.entries();
    const worker = async (): Promise<void> => {
      for (const [i, image] of queue) {
        const record = await recordPush(next, REPOSITORY, `t${i}`, image, AbortSignal.timeout(30_000));
        expect(record).toMatchObject({ acknowledged: true });
        const { digest } = image;
        await expect(pull(anywhere(), REPOSITORY, `t${i}`)).resolves.toMatchObject({ digest });
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
    console.info(`${PUSHES} pushes in ${requests} requests, each to a region of its own.`);
    for (const { registry } of cluster.regions) {
      for (const [i, { digest }] of images.entries())
        await expect(pull(registry, REPOSITORY, `t${i}`)).resolves.toMatchObject({ digest });
    }
  });
});
