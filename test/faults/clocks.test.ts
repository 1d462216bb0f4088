import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { digestOf } from '#libs/oci/digest.ts';
import { collectNow } from '#test/support/collection.ts';
import { pull, pullBlob, pushBlob } from '#test/support/registry-client.ts';
import { readBudget } from './support/budget.ts';
import { checkTags, countOperations } from './support/check-tags.ts';
import { eventually } from './support/eventually.ts';
import { startFaultCluster, type FaultCluster } from './support/fault-cluster.ts';
import { holdsBlob } from './support/region-files.ts';
import { makeSmallImage, pushSmallImage } from './support/small-image.ts';
import { lookAtTheEnd, prepareRepository, workOnTags } from './support/tag-workload.ts';

const { seed, whole } = readBudget();
const HOUR_MS = 3_600_000;
const WORK_MS = whole ? 20_000 : 3_000;
const MAX_TEST_MS = 120_000;

describe(`with a region's clock an hour ahead and another's an hour behind (seed ${seed})`, () => {
  let cluster: FaultCluster;
  beforeAll(async () => {
    cluster = await startFaultCluster({
      etcd: 'coordinator',
      links: { delayMs: 2 },
      start: { eu: { clockShiftMs: HOUR_MS }, ap: { clockShiftMs: -HOUR_MS } },
    });
  });
  afterAll(() => cluster.dispose());

  it(
    'tags are linearizable',
    async () => {
      const [repository, tags] = ['team/clocks', ['a', 'b']];
      await prepareRepository(cluster.region('eu'), repository);
      const signal = AbortSignal.timeout(WORK_MS);
      const workload = { regions: cluster.regions, repository, tags, clients: 6, seed, signal };
      const history = await workOnTags(workload);
      await lookAtTheEnd(workload, history);
      checkTags(history);
      console.info(`With clocks an hour apart: ${countOperations(history)}`);
    },
    MAX_TEST_MS,
  );

  it.each(['us', 'eu', 'ap'])(
    'what is pushed through %s is there in all regions',
    async (name) => {
      const image = makeSmallImage(name, [20_000]);
      await pushSmallImage([cluster.region(name).registry], 'team/pushed', name, image);
      for (const { registry } of cluster.regions)
        expect((await pull(registry, 'team/pushed', name)).digest).toBe(image.digest);
    },
    MAX_TEST_MS,
  );

  it(
    'a blob that is uploaded stays, also when the clock is put right by an hour and then collects',
    async () => {
      for (const name of ['eu', 'ap']) {
        const region = cluster.region(name);
        const blob = Buffer.from(`uploaded through ${name}, ${seed}`);
        await pushBlob(region.registry, 'team/uploaded', digestOf(blob), blob);
        await region.kill();
        await region.start();
        const told = await eventually(async () => {
          const collected = await collectNow(region.registry, name);
          if (collected.failure !== undefined && collected.failure !== '') throw new Error(collected.failure);
          return collected;
        });
        expect(told.removedBlobs).toBe(0);
        expect(await holdsBlob(region, digestOf(blob))).toBe(true);
        expect(await pullBlob(region.registry, 'team/uploaded', digestOf(blob))).toBe(blob.length);
      }
    },
    MAX_TEST_MS,
  );
});
