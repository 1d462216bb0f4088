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
/** Pushes that are acknowledged while the region is dead, and again after it is back. */
const PUSHES = 10;
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
        MERIDIAN_PIN_LIFETIME_MS: '2000',
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
      let acknowledged = 0;
      const working = reuseLayers({
        ...{ regions: cluster.regions, repository, seed, signal: over.signal },
        onAcknowledged: () => (acknowledged += 1),
      });
      const more = async (): Promise<void> => {
        const before = acknowledged;
        await vi.waitFor(() => expect(acknowledged).toBeGreaterThan(before + PUSHES), {
          timeout: MAX_TEST_MS / 3,
        });
      };
      await dying.ended();
      await more();
      await dying.start();
      await more();
      over.abort();
      const { standing, ...counts } = await working;

      expect(standing.size).toBeGreaterThan(0);
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
