import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { digestOf } from '#libs/oci/digest.ts';
import { pull, pushBlob, send } from '#test/support/registry-client.ts';
import { inWholeSuiteOnly, readBudget } from './support/budget.ts';
import { checkTags } from './support/check-tags.ts';
import { eventually } from './support/eventually.ts';
import { startFaultCluster, type FaultCluster } from './support/fault-cluster.ts';
import { makeSmallImage, pushSmallImage } from './support/small-image.ts';
import { prepareRepository, workOnTags, type WorkloadOptions } from './support/tag-workload.ts';

const { seed, whole } = readBudget();
/** A defect that is not found by then is not found. */
const MAX_ROUNDS = 30;
/** Without a defect. */
const FEW_ROUNDS = 3;
const ROUND_MS = 2_000;
const MAX_TEST_MS = 300_000;

interface Trial {
  readonly cluster: FaultCluster;
  readonly repository: string;
  readonly rounds: number;
}

/** Each throws where the system is found to have a defect. */
const TRIALS: Readonly<Record<string, (trial: Trial) => Promise<void>>> = {
  'stale-reads-as-strong': (trial) => workUnder(trial, ALL_SORTS, slowEtcd),
  'retries-without-receipt': (trial) => workUnder(trial, WRITERS_AND_READERS, loseAnswers),
  'acknowledges-before-commit': (trial) => workUnder(trial, ALL_SORTS, slowEtcd),
  'drops-watch-events': (trial) => workUnder(trial, ALL_SORTS, async () => undefined),
  'says-it-holds': async ({ cluster, repository }) => {
    const [us, eu] = [cluster.region('us'), cluster.region('eu')];
    const image = makeSmallImage(repository, [100_000]);
    await eventually(() => pushSmallImage([us.registry], repository, 'lost', image));
    await us.kill();
    await pull(eu.registry, repository, 'lost');
  },
  'acknowledges-before-disk': async ({ cluster, repository }) => {
    const eu = cluster.region('eu');
    const blob = Buffer.from(repository);
    await pushBlob(eu.registry, repository, digestOf(blob), blob);
    await eu.kill();
    await eu.start();
    const path = `/v2/${repository}/blobs/${digestOf(blob)}`;
    const { status } = await eventually(() => send(eu.registry, 'HEAD', path));
    if (status !== 200) throw new Error(`HEAD of an acknowledged blob gives ${status}.`);
  },
};
const NAMES = Object.keys(TRIALS);

/** Who works where. */
type Crew = Pick<WorkloadOptions, 'name' | 'clients' | 'mix'> & { readonly in: readonly string[] };
const ALL_SORTS: readonly Crew[] = [{ name: 'c', in: ['us', 'eu'], clients: 6 }];
const WRITERS_AND_READERS: readonly Crew[] = [
  { name: 'eu-writer', in: ['eu'], clients: 6, mix: { put: 1 } },
  { name: 'us-writer', in: ['us'], clients: 2, mix: { put: 1 } },
  { name: 'reader', in: ['us'], clients: 3, mix: { 'strong read': 1 } },
];

describe.runIf(whole)(
  `a system with a defect is found out (seed ${seed})${whole ? '' : inWholeSuiteOnly}`,
  () => {
    let cluster: FaultCluster;
    beforeAll(async () => {
      // Two regions: nobody else can stand in for the one with the defect.
      cluster = await startFaultCluster({
        etcd: 'coordinator',
        regions: ['us', 'eu'],
        links: { delayMs: 2 },
      });
    });
    afterAll(() => cluster.dispose());

    it.each(NAMES)(
      'that %s',
      async (mutant) => {
        await restart(cluster, [mutant]);
        const trial = { cluster, repository: `team/${mutant}`, rounds: MAX_ROUNDS };
        await expect(TRIALS[mutant]?.(trial)).rejects.toThrow(/no order|no longer current|got 503|gives 404/);
      },
      MAX_TEST_MS,
    );

    it.each(NAMES)(
      'and one without the defect that %s is not accused',
      async (mutant) => {
        await restart(cluster, []);
        const trial = { cluster, repository: `team/without-${mutant}`, rounds: FEW_ROUNDS };
        await expect(TRIALS[mutant]?.(trial)).resolves.toBeUndefined();
      },
      MAX_TEST_MS,
    );
  },
);

async function restart(cluster: FaultCluster, mutants: readonly string[]): Promise<void> {
  const eu = cluster.region('eu');
  await eu.kill();
  await eu.start({ mutants });
  await cluster.heal();
}

/** Something that goes on while clients work, until `signal` aborts. */
type Disturbance = (cluster: FaultCluster, signal: AbortSignal) => Promise<void>;

/** Clients work on tags until the checker finds something, which it throws. */
async function workUnder(
  { cluster, repository, rounds }: Trial,
  crews: readonly Crew[],
  disturbance: Disturbance,
): Promise<void> {
  await eventually(() => prepareRepository(cluster.region('us'), repository));
  for (let round = 0; round < rounds; round++) {
    const signal = AbortSignal.timeout(ROUND_MS);
    // Tags of their own keep each round's history short.
    const shared = { repository, tags: [`a${round}`], seed: seed + round, signal };
    const disturbed = disturbance(cluster, signal);
    const histories = await Promise.all(
      crews.map((crew) => workOnTags({ ...shared, ...crew, regions: crew.in.map(cluster.region) })),
    );
    await disturbed;
    checkTags(histories.flat());
  }
}

/** What eu learns of tags comes late. */
async function slowEtcd({ links }: FaultCluster, signal: AbortSignal): Promise<void> {
  links.set('eu', 'coordinator', { delayMs: 60 });
  await pause(ROUND_MS, undefined, { signal }).catch(() => undefined);
  links.set('eu', 'coordinator', { delayMs: 2 });
}

/** What eu asks of the coordinator is done, and the answers are lost; again and again. */
async function loseAnswers({ links }: FaultCluster, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    links.link('coordinator', 'eu').set({ flow: 'held' });
    await pause(120);
    links.set('coordinator', 'eu', { flow: 'broken' });
    links.set('coordinator', 'eu', { flow: 'open' });
    await pause(250);
  }
}
