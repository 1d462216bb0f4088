import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readBudget } from './support/budget.ts';
import { checkTags, countOperations } from './support/check-tags.ts';
import { startFaultCluster, type FaultCluster } from './support/fault-cluster.ts';
import { formatFaults, inflict, planFaults } from './support/schedule.ts';
import { formatHistory } from './support/tag-history.ts';
import { lookAtTheEnd, prepareRepository, workOnTags } from './support/tag-workload.ts';

const { seed, seconds } = readBudget();
const CLIENTS = 8;
/** Regions start again, and what was under way comes to its end. */
const AFTERWARDS_MS = 120_000;

describe(`one truth for tags (seed ${seed})`, () => {
  let cluster: FaultCluster;
  beforeAll(async () => {
    cluster = await startFaultCluster({
      links: { delayMs: 5 },
      env: { MERIDIAN_ETCD_TIMEOUT_MS: '2000' },
    });
  });
  afterAll(() => cluster.dispose());

  it(
    'tag writes are linearizable in all regions while regions, links and etcd’s leader fail',
    async () => {
      const { regions, members } = cluster;
      const faults = planFaults({
        seed,
        forMs: seconds * 1_000,
        regions: regions.map(({ name }) => name),
        members: members.map(({ name }) => name),
      });
      const [repository, tags] = ['team/tags', ['a', 'b', 'c']];
      await prepareRepository(cluster.region('us'), repository);
      const ended = new AbortController();
      const workload = { regions, repository, tags, clients: CLIENTS, seed, signal: ended.signal };
      const working = workOnTags(workload);
      const done = await inflict(cluster, faults, new AbortController().signal);
      ended.abort();
      const history = await working;
      await lookAtTheEnd(workload, history);
      try {
        checkTags(history);
      } catch (error) {
        const run = `MERIDIAN_FAULTS_SEED=${seed}\n${formatFaults(done)}\n${formatHistory(history)}`;
        throw new Error(`${(error as Error).message}\n\nThe whole run:\n${run}`, { cause: error });
      }
      console.info(`Under ${done.length} faults: ${countOperations(history)}`);
      expect(history.filter(({ outcome }) => outcome.kind === 'ok').length).toBeGreaterThan(2 * seconds);
    },
    seconds * 1_000 + AFTERWARDS_MS,
  );
});
