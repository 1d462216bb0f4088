import { setTimeout as pause } from 'node:timers/promises';
import type { Leases } from '#libs/cache/leases.ts';
import { RegistryError } from '#libs/oci/errors.ts';
import type { Clock } from '../catalog/collaborators.ts';
import { collect, type CollectOptions } from './collect.ts';
import { newReport, type CollectionReport } from './report.ts';

/** A collection of another process of the region is left alone for so long; both would do no harm. */
const LEASE_MS = 60_000;

export interface Collector {
  /** The one that runs, or else the last one of this process; undefined before the first. */
  report(): CollectionReport | undefined;
  /** Starts a collection, or joins the one that runs. `agreed`: see `collect`. */
  start(agreed: boolean): CollectionReport;
  stop(): Promise<void>;
}

export interface CollectorOptions extends CollectOptions {
  /** Milliseconds since the view was last known to be current. */
  readonly stalenessMs: () => number;
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
  let report: CollectionReport | undefined;
  let running: Promise<void> | undefined;

  const run = async (agreed: boolean): Promise<void> => {
    let failure = '';
    const begun = newReport(clock.nowMs());
    report = begun;
    try {
      if (stalenessMs() > settings.maxCollectStalenessMs) throw tooStale(stalenessMs());
      await collect(options, { report: begun, agreed }, (progress) => (report = progress), signal);
    } catch (error) {
      if (signal.aborted) return;
      failure = error instanceof RegistryError ? error.message : 'The collection met an error; see the log.';
      onFault(error);
    }
    report = { ...report, failure, finishedAtMs: clock.nowMs() };
    onCollected(report);
  };
  const start = (agreed: boolean): CollectionReport => {
    running ??= run(agreed).finally(() => (running = undefined));
    return report ?? newReport(clock.nowMs());
  };
  const collectInTurn = async (): Promise<void> => {
    const release = await leases.tryAcquire('collect', LEASE_MS, signal);
    if (release === undefined) return;
    start(false);
    await running;
    await release();
  };
  const loop = async (): Promise<void> => {
    while (await pausedFor(settings.collectIntervalMs, signal)) {
      if (settings.collects) await collectInTurn().catch(() => undefined);
    }
  };
  const looping = loop();
  return {
    report: () => report,
    start,
    stop: async () => {
      stopped.abort(new Error('The service stops.'));
      await Promise.all([looping, running]);
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
