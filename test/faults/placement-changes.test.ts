import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startRegionsElsewhere, type RegionsElsewhere } from '#test/support/regions-elsewhere.ts';
import { seededRandom } from '#test/support/seeded-random.ts';
import { inWholeSuiteOnly, readBudget } from './support/budget.ts';
import { startFaultCluster, type FaultCluster } from './support/fault-cluster.ts';
import { movePlacements, type Placeable } from './support/move-placements.ts';
import { lookWherePlaced, type LastPlace, type PlacedRegion } from './support/placed-in-the-end.ts';
import { newFamily, workWherePlaced, type PlacedWork } from './support/placed-workload.ts';
import { formatFaults, inflict, planFaults } from './support/schedule.ts';

const { seed, seconds, whole } = readBudget();
/** Pushes, and changes of placement, without which a run has shown nothing. */
const ENOUGH = 3;
const AFTERWARDS_MS = 300_000;
const SETTINGS = {
  storage: {
    // Longer than a view may be stale that something is collected by.
    MERIDIAN_PIN_LIFETIME_MS: '12000',
    MERIDIAN_UPLOAD_EXPIRY_MS: '12000',
  },
  replication: {
    MERIDIAN_COLLECT_GRACE_MS: '0',
    MERIDIAN_COLLECT_INTERVAL_MS: '200',
    MERIDIAN_ETCD_TIMEOUT_MS: '2000',
  },
};

/** Clients work while placements move and `disturb` does its worst; then everything is where it should be, and nowhere else. */
async function moveUnder(regions: readonly PlacedRegion[], disturb: () => Promise<string>): Promise<void> {
  const [own, ruled] = [newFamily('own/a', 'own/b'), newFamily('ruled/a', 'ruled/b')];
  const repositories = own.repositories.map((repository) => ({ repository }));
  const rule: Placeable = { pattern: 'ruled/**' };
  const ended = new AbortController();
  const shared = { regions, seed, signal: ended.signal };
  const working = workWherePlaced({ ...shared, families: [own, ruled] });
  const moving = movePlacements({ ...shared, placeables: [...repositories, rule] });
  const done = await disturb().finally(() => ended.abort());
  const [work, moved] = await Promise.all([working, moving]);
  console.info(
    `${told(work)}; ${moved.changes} changes of placement, ${moved.returns} of them back, ${moved.failed} failed.`,
  );
  const random = seededRandom(seed);
  const names = regions.map(({ name }) => name);
  const one = names[Math.floor(random() * names.length)] ?? '';
  const places: LastPlace[] = [
    { family: own, placeables: repositories, regions: [one] },
    { family: ruled, placeables: [rule], regions: names.filter((name) => name !== one) },
  ];
  try {
    await lookWherePlaced(regions, places, work);
  } catch (error) {
    throw new Error(`${(error as Error).message}\n\nMERIDIAN_FAULTS_SEED=${seed}\n${done}`, { cause: error });
  }
  expect(Math.min(work.acknowledged.length, moved.changes)).toBeGreaterThan(ENOUGH);
}

function told({ acknowledged, mounted, pulled, refused, failed }: PlacedWork): string {
  return `${acknowledged.length} pushes acknowledged (${mounted} of them by mounts), ${pulled} pulls, ${refused} refused where they must not be, ${failed} failed`;
}

describe(`content is where it may be, and nowhere else (seed ${seed})`, () => {
  let cluster: FaultCluster;
  beforeAll(async () => {
    const env = { ...SETTINGS.storage, ...SETTINGS.replication };
    cluster = await startFaultCluster({ etcd: 'coordinator', links: { delayMs: 5 }, env });
  });
  afterAll(() => cluster.dispose());

  it(
    'while placements move back and forth, regions are killed and paused, and links fail',
    async () => {
      const { regions } = cluster;
      const names = regions.map(({ name }) => name);
      const forMs = seconds * 1_000;
      const killed = names[seed % names.length] ?? '';
      await moveUnder(regions, async () => {
        const planned = planFaults({ seed, forMs, regions: names, members: ['coordinator'] });
        const faults = [
          // So that there are times between them in which content gets to its places.
          ...planned.filter((_, i) => i % 2 === 0),
          { kind: 'kill', region: killed, atMs: forMs / 2, forMs: 1_000 } as const,
        ];
        const done = await inflict(cluster, faults, new AbortController().signal);
        console.info(`Under ${done.length} faults:`);
        return formatFaults(done);
      });
    },
    seconds * 1_000 + AFTERWARDS_MS,
  );
});

describe.runIf(whole)(`and while replication alone is killed${whole ? '' : inWholeSuiteOnly}`, () => {
  let cluster: RegionsElsewhere;
  beforeAll(async () => {
    cluster = await startRegionsElsewhere({ secured: false, everywhere: SETTINGS });
  });
  afterAll(() => cluster.stop());

  it(
    'nothing is lost, and nothing is left where it must not be',
    async () => {
      const regions = (['us', 'eu', 'ap'] as const).map((name) => ({
        name,
        registry: cluster.registries[name],
        dataDir: join(cluster.scratch, name),
      }));
      const random = seededRandom(seed);
      const pauseMs = (): number => 500 + 3_000 * random();
      await moveUnder(regions, async () => {
        const until = performance.now() + seconds * 1_000;
        let kills = 0;
        for (; performance.now() < until; kills++) {
          await new Promise((resolve) => setTimeout(resolve, pauseMs()));
          await cluster.us.process('replication').kill();
          await new Promise((resolve) => setTimeout(resolve, pauseMs() / 4));
          await cluster.us.start('replication');
        }
        console.info(`Replication killed ${kills} times:`);
        return `${kills} kills`;
      });
    },
    seconds * 1_000 + AFTERWARDS_MS,
  );
});
