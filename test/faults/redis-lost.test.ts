import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pull } from '#test/support/registry-client.ts';
import { hasRedis, redisLeftOut, startRedis, type RedisProcess } from '#test/support/redis.ts';
import { readBudget } from './support/budget.ts';
import { checkTags, countOperations } from './support/check-tags.ts';
import { startFaultCluster, type FaultCluster } from './support/fault-cluster.ts';
import { makeSmallImage, pushSmallImage } from './support/small-image.ts';
import { lookAtTheEnd, prepareRepository, workOnTags } from './support/tag-workload.ts';

const { seed } = readBudget();
const STEP_MS = 700;
const MAX_TEST_MS = 120_000;

describe.runIf(hasRedis)(`nothing rests on Redis (seed ${seed})${redisLeftOut}`, () => {
  let cluster: FaultCluster;
  let redis: RedisProcess;
  beforeAll(async () => {
    redis = await startRedis();
    cluster = await startFaultCluster({
      etcd: 'coordinator',
      // A region's own.
      start: { eu: { env: { MERIDIAN_REDIS_URL: redis.url } } },
    });
  });
  afterAll(async () => {
    await cluster.dispose();
    await redis.kill();
  });

  it(
    'tags stay linearizable and images are pushed and pulled while a region’s Redis hangs, dies and comes back empty',
    async () => {
      const eu = cluster.region('eu');
      const [repository, tags] = ['team/redis', ['a', 'b']];
      await prepareRepository(eu, repository);
      const over = new AbortController();
      const workload = { regions: cluster.regions, repository, tags, clients: 4, seed, signal: over.signal };
      const working = workOnTags(workload);
      const steps: [string, () => Promise<void>][] = [
        ['hangs', () => redis.pause()],
        ['goes on', () => redis.resume()],
        ['is killed', () => redis.kill()],
        ['is back, empty', () => redis.restart()],
      ];
      for (const [what, step] of steps) {
        await step();
        const image = makeSmallImage(what, [50_000]);
        await pushSmallImage([cluster.region('us').registry], 'team/images', 'moving', image);
        expect((await pull(eu.registry, 'team/images', image.digest)).digest).toBe(image.digest);
        const other = makeSmallImage(`${what}, in eu`, [50_000]);
        await pushSmallImage([eu.registry], 'team/images', 'moving', other);
        await pause(STEP_MS);
      }
      over.abort();
      // It did notice.
      expect(eu.log()).toContain('Redis is away');
      const history = await working;
      await lookAtTheEnd(workload, history);
      checkTags(history);
      console.info(`While Redis was lost: ${countOperations(history)}`);
    },
    MAX_TEST_MS,
  );
});
