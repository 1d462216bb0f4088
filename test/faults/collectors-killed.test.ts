import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { FAILPOINTS, type Failpoint } from '#libs/failpoint.ts';
import { digestOf } from '#libs/oci/digest.ts';
import { pull, pushBlob } from '#test/support/registry-client.ts';
import { seededRandom } from '#test/support/seeded-random.ts';
import { readBudget } from './support/budget.ts';
import { eventually } from './support/eventually.ts';
import { startFaultCluster, type FaultCluster } from './support/fault-cluster.ts';
import { reuseLayers } from './support/layer-workload.ts';
import { holdsBlob, wrongBlobFiles } from './support/region-files.ts';

const { seed, whole } = readBudget();
/** How long clients work before the region may die, so that it has something to collect, and after it is back. */
const WORK_MS = 1_500;
const MAX_TEST_MS = 180_000;

function selected(): Failpoint[] {
  const all = FAILPOINTS.filter((failpoint) => failpoint.startsWith('collect.'));
  return whole ? all : all.splice(Math.floor(seededRandom(seed)() * all.length), 1);
}

describe(`nothing referenced is ever collected, also when a collector is killed (seed ${seed})`, () => {
  let cluster: FaultCluster;
  beforeAll(async () => {
    cluster = await startFaultCluster({
      etcd: 'coordinator',
      env: {
        MERIDIAN_COLLECT_GRACE_MS: '0',
        MERIDIAN_COLLECT_INTERVAL_MS: '20',
        MERIDIAN_PIN_LIFETIME_MS: '800',
      },
    });
  });
  afterAll(() => cluster.dispose());

  it.each(selected())(
    'at %s, while clients in all regions re-use layers',
    async (failpoint) => {
      const repository = `team/${failpoint.replace('.', '-')}`;
      const dying = cluster.region('us');
      await dying.kill();
      await dying.start({ failpoint: `${failpoint}:3` });
      const over = new AbortController();
      const working = reuseLayers({ regions: cluster.regions, repository, seed, signal: over.signal });
      await dying.ended();
      await pause(WORK_MS);
      await dying.start();
      await pause(WORK_MS);
      over.abort();
      const { standing, ...counts } = await working;

      expect(standing.size).toBeGreaterThan(5);
      for (const { registry } of cluster.regions)
        for (const digest of standing) await eventually(() => pull(registry, repository, digest));
      for (const region of cluster.regions) expect(await wrongBlobFiles(region)).toEqual([]);

      const unused = Buffer.from(`${failpoint} ${seed}`);
      await pushBlob(dying.registry, repository, digestOf(unused), unused);
      await vi.waitFor(async () => expect(await holdsBlob(dying, digestOf(unused))).toBe(false), {
        timeout: 30_000,
      });
      console.info(
        `Killed at ${failpoint}: ${counts.acknowledged} pushes acknowledged, ${counts.deleted} deletions, ${counts.failed} failures; ` +
          `all ${standing.size} that were left are whole in every region.`,
      );
    },
    MAX_TEST_MS,
  );
});
