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
import { newReport, type CollectionReport } from '../collect/report.ts';
import type { Told } from '../reports/long-work.ts';
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
  return {
    getCollection: async (_request, { signal }) => collection(region, await collector.report(signal)),
    startCollection: async ({ agreed }) => collection(region, await collector.start(agreed)),
    awaitDurable: (request, { signal }) => awaitDurable(request, signal),
    explainBlobs: ({ digests }, { signal }) => explainBlobs(options, digests, signal),
    getStanding: (_request, { signal }) => readStanding(options, signal),
    getDrain: async () => drainer.report(),
    checkDrain: ({ waitMs }, { signal }) => drainer.check(waitMs, signal),
    getQuorum: (_request, { signal }) => readQuorum(etcd, signal),
    getHealing: async ({ work: text }, { signal }) => {
      const work = parseWork(text);
      const none = { report: newHealingReport({ work, repository: undefined }), running: false };
      return healing(region, (await healer.report(work, signal)) ?? none);
    },
    startHealing: async ({ work, repository }) =>
      healing(region, await healer.start({ work: parseWork(work), repository: existing(repository, view) })),
  };
}

function healing(region: string, { report, running }: Told<HealingReport>): Healing {
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

function collection(region: string, told: Told<CollectionReport> | undefined): Collection {
  const { report, running } = told ?? { report: newReport(0), running: false };
  const { startedAtMs: startedAt, finishedAtMs: finishedAt, ...counts } = report;
  return { region, running, startedAt, finishedAt, ...counts };
}
