import type { EtcdClient } from '#libs/etcd/store.ts';
import { RegistryError } from '#libs/oci/errors.ts';
import { parseRepositoryName, type RepositoryName } from '#libs/oci/name.ts';
import { quote } from '#libs/oci/quote.ts';
import type { Operations } from '#libs/rpc/contracts.ts';
import type { Collection } from '#types/meridian/v1/Collection.ts';
import type { Healing } from '#types/meridian/v1/Healing.ts';
import type { RepositoryView } from '../catalog/view/view.ts';
import type { Collector } from '../collect/collector.ts';
import { explainBlobs, type ExplainOptions } from '../collect/explain.ts';
import { createAwaitDurable, type AwaitDurableOptions } from '../durability/await-durable.ts';
import type { CollectionReport } from '../collect/report.ts';
import type { Drainer } from '../membership/drainer.ts';
import { readQuorum } from '../membership/quorum.ts';
import { readStanding, type StandingOptions } from '../membership/standing.ts';
import type { Healer } from '../healing/healer.ts';
import { newHealingReport, type HealingReport, type HealingWork } from '../healing/report.ts';

export type OwnOperationsOptions = ExplainOptions &
  AwaitDurableOptions &
  StandingOptions & {
    readonly region: string;
    readonly collector: Collector;
    readonly drainer: Drainer;
    readonly etcd: Pick<EtcdClient, 'status' | 'members'>;
    readonly healer: Healer;
    readonly view: RepositoryView;
  };

/** What operators ask of this region, whatever region a request names. */
export function ownOperations(options: OwnOperationsOptions): Operations {
  const { region, collector, drainer, healer, view, etcd } = options;
  const awaitDurable = createAwaitDurable(options);
  const collection = (report: CollectionReport | undefined): Collection => told(region, report);
  return {
    getCollection: async () => collection(collector.report()),
    startCollection: async ({ agreed }) => collection(collector.start(agreed)),
    awaitDurable: (request, { signal }) => awaitDurable(request, signal),
    explainBlobs: ({ digests }, { signal }) => explainBlobs(options, digests, signal),
    getStanding: (_request, { signal }) => readStanding(options, signal),
    getDrain: async () => drainer.report(),
    checkDrain: ({ waitMs }, { signal }) => drainer.check(waitMs, signal),
    getQuorum: (_request, { signal }) => readQuorum(etcd, signal),
    getHealing: async ({ work: text }) => {
      const work = parseWork(text);
      return healing(region, healer.report(work) ?? newHealingReport({ work, repository: undefined }));
    },
    startHealing: async ({ work, repository }) =>
      healing(region, healer.start({ work: parseWork(work), repository: existing(repository, view) })),
  };
}

function healing(region: string, report: HealingReport): Healing {
  const running = report.startedAt > 0 && report.finishedAt === 0;
  return { region, running, ...report };
}

function parseWork(text: string): HealingWork {
  if (text === 'verify' || text === 'repair') return text;
  throw new RegistryError('REQUEST_INVALID', `Expected verify or repair, but ${quote(text)} came.`);
}

/** '' stands for all; throws NAME_UNKNOWN. */
function existing(text: string, view: RepositoryView): RepositoryName | undefined {
  if (text === '') return undefined;
  const name = parseRepositoryName(text);
  if (view.repository(name) !== undefined) return name;
  throw new RegistryError('NAME_UNKNOWN', `There is no repository ${quote(name)}.`);
}

function told(region: string, report: CollectionReport | undefined): Collection {
  const { startedAtMs = 0, finishedAtMs = 0, ...counts } = report ?? {};
  return {
    region,
    running: startedAtMs > 0 && finishedAtMs === 0,
    startedAt: startedAtMs,
    finishedAt: finishedAtMs,
    ...{ failure: '', looked: 0, named: 0, pinned: 0, unused: 0, condemned: 0 },
    ...{ removedBlobs: 0, removedBytes: 0 },
    ...counts,
  };
}
