import { setTimeout as pause } from 'node:timers/promises';
import type { Leases } from '#libs/cache/leases.ts';
import { RegistryError } from '#libs/oci/errors.ts';
import type { Scrub } from '#libs/rpc/contracts.ts';
import type { Clock } from '../catalog/collaborators.ts';
import { collect, type CollectOptions } from './collect.ts';
import { createLongWork, type Run, type Told } from '../reports/long-work.ts';
import { newReport, type CollectionReport } from './report.ts';

const INTERRUPTED = 'The process that ran it has ended. The next collection begins anew.';
/** A collection of another process of the region is left alone for so long; both would do no harm. */
const LEASE_MS = 60_000;

export interface Collector {
  /** The one that runs in this region, or else the last one; undefined before the first. */
  report(signal: AbortSignal): Promise<Told<CollectionReport> | undefined>;
  /** Starts a collection, or joins the one that runs. `agreed`: see `collect`. */
  start(agreed: boolean): Promise<Told<CollectionReport>>;
  stop(): Promise<void>;
}

export interface CollectorOptions extends CollectOptions {
  /** Milliseconds since the view was last known to be current. */
  readonly stalenessMs: () => number;
  readonly scrub: Pick<Scrub, 'keepReport' | 'getReport'>;
  readonly leases: Leases;
  readonly clock: Clock;
  readonly onCollected: (report: CollectionReport) => void;
  readonly onFault: (error: unknown) => void;
}

/** Collects from time to time, and when told to. */
export function startCollector(options: CollectorOptions): Collector {
  const { settings, leases, clock, stalenessMs, onCollected, onFault } = options;
  const stopped = new AbortController();
  const { signal } = stopped;
  const works = createLongWork<CollectionReport>({
    ...{ sort: 'collect', scrub: options.scrub, onFault },
    complete: (kept) => ({ ...newReport(0), ...kept }),
    interrupted: (report) => (report.finishedAtMs > 0 ? report : { ...report, failure: INTERRUPTED }),
  });
  const runOf = (agreed: boolean): Run<CollectionReport> => {
    const begun = newReport(clock.nowMs());
    let report = begun;
    const work = async (): Promise<void> => {
      let failure = '';
      try {
        if (stalenessMs() > settings.maxCollectStalenessMs) throw tooStale(stalenessMs());
        await collect(options, { report: begun, agreed }, (progress) => (report = progress), signal);
      } catch (error) {
        if (signal.aborted) return;
        failure =
          error instanceof RegistryError ? error.message : 'The collection met an error; see the log.';
        onFault(error);
      }
      report = { ...report, failure, finishedAtMs: clock.nowMs() };
      onCollected(report);
    };
    return { read: () => report, work };
  };
  const collectInTurn = async (): Promise<void> => {
    const release = await leases.tryAcquire('collect', LEASE_MS, signal);
    if (release === undefined) return;
    try {
      await works.start(runOf(false));
      await works.running();
    } finally {
      await release();
    }
  };
  const loop = async (): Promise<void> => {
    while (await pausedFor(settings.collectIntervalMs, signal)) {
      if (settings.collects) await collectInTurn().catch(() => undefined);
    }
  };
  const looping = loop();
  return {
    report: (over) => works.last(over),
    start: (agreed) => works.start(runOf(agreed)),
    stop: async () => {
      stopped.abort(new Error('The service stops.'));
      await Promise.all([looping, works.running()]);
    },
  };
}

/** False when `signal` aborts. */
function pausedFor(ms: number, signal: AbortSignal): Promise<boolean> {
  return pause(ms, true, { signal }).catch(() => false);
}

function tooStale(stalenessMs: number): RegistryError {
  const seconds = Math.round(stalenessMs / 1000);
  return new RegistryError(
    'UNAVAILABLE',
    `Nothing is collected by a copy of the catalog that is ${seconds} s old; the next collection tries again.`,
  );
}
