import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { digestOf } from '#libs/oci/digest.ts';
import { pull, send } from '#test/support/registry-client.ts';
import { seededRandom } from '#test/support/seeded-random.ts';
import { readBudget } from './support/budget.ts';
import { eventually } from './support/eventually.ts';
import { startFaultCluster, type FaultCluster } from './support/fault-cluster.ts';
import { recordPush } from './support/recorded-push.ts';
import { holdsBlob } from './support/region-files.ts';
import { makeSmallImage } from './support/small-image.ts';

const { seed, whole } = readBudget();
const PUSHES = 6;
/** When the region is lost, at most, after the pushes have begun; or a moment after the first acknowledgement. */
const MAX_BEFORE_MS = 1_500;
const GIVE_UP_MS = 60_000;
const MAX_TEST_MS = 180_000;

/** Durability, and how many regions that is of three. */
const DURABILITIES: [setting: string | number | undefined, regions: number][] = whole
  ? [
      [undefined, 2],
      [2, 2],
      ['quorum', 2],
      [3, 3],
      ['all', 3],
    ]
  : [[undefined, 2]];

describe(`an acknowledged push survives the loss of a region (seed ${seed})`, () => {
  let cluster: FaultCluster;
  const random = seededRandom(seed);
  beforeAll(async () => {
    cluster = await startFaultCluster({ etcd: 'coordinator', links: { delayMs: 5 } });
  });
  afterAll(() => cluster.dispose());

  it.each(DURABILITIES)(
    'with durability %s: it is in %i regions, whichever is lost right afterwards',
    async (durability, count) => {
      const repository = `team/durability-${durability ?? 'default'}`;
      const lost = cluster.regions[Math.floor(random() * cluster.regions.length)];
      if (lost === undefined) throw new Error('There is no region.');
      const others = cluster.regions.filter((region) => region !== lost);
      if (durability !== undefined)
        expect(await changeSettings(lost.registry, repository, { durability })).toBe(200);

      const signal = AbortSignal.timeout(GIVE_UP_MS);
      const images = Array.from({ length: PUSHES }, (_, i) =>
        makeSmallImage(`${repository} ${i}`, [1 + Math.floor(random() * 2_000_000), 1_000]),
      );
      const acknowledged = Promise.withResolvers<undefined>();
      const pushes = images.map(async (image, i) => {
        await pause(i * 100);
        const record = await recordPush(() => lost.registry, repository, `t${i}`, image, signal);
        if (record.acknowledged) acknowledged.resolve(undefined);
        return { image, tag: `t${i}`, record };
      });
      await acknowledged.promise;
      await pause(random() * MAX_BEFORE_MS);
      await lost.kill();
      const done = (await Promise.all(pushes)).filter(({ record }) => record.acknowledged);

      for (const { image, tag } of done) {
        const digests = [image.digest, ...image.blobs.map((bytes) => digestOf(bytes))];
        const holding = await Promise.all(
          others.map(async (region) =>
            (await Promise.all(digests.map((digest) => holdsBlob(region, digest)))).every(Boolean),
          ),
        );
        expect(holding.filter(Boolean).length).toBeGreaterThanOrEqual(count - 1);
        for (const { registry } of others) {
          const pulled = await eventually(() => pull(registry, repository, tag));
          expect(pulled.digest).toBe(image.digest);
        }
      }
      console.info(`Of ${PUSHES} pushes ${done.length} were acknowledged before ${lost.name} was lost.`);
      await lost.start();
    },
    MAX_TEST_MS,
  );
});

async function changeSettings(registry: string, repository: string, patch: object): Promise<number> {
  const path = `/meridian/v1/repositories/${repository}/settings`;
  const headers = { 'content-type': 'application/merge-patch+json' };
  return (await send(registry, 'PATCH', path, { headers, body: JSON.stringify(patch) })).status;
}
