import { setTimeout as pause } from 'node:timers/promises';
import { RegistryError } from '#libs/oci/errors.ts';
import type { Drain } from '#types/meridian/v1/Drain.ts';
import type { Clock } from '../catalog/collaborators.ts';
import { checkDrain, noCounts, type CheckDrainOptions, type DrainCounts } from './check-drain.ts';
import { stateOf } from './own-state.ts';

export interface Drainer {
  /** The last whole check since the region began to drain, or else the one that runs. */
  report(): Drain;
  /** Starts a check, or joins the one that runs, and waits for its end, at most `waitMs`. */
  check(waitMs: number, signal: AbortSignal): Promise<Drain>;
  stop(): Promise<void>;
}

export interface DrainerOptions extends CheckDrainOptions {
  readonly clock: Clock;
  /** Called when the region is found to be drained, once. */
  readonly onDrained: () => void;
  readonly onFault: (error: unknown) => void;
}

interface Check {
  readonly counts: DrainCounts;
  readonly startedAtMs: number;
  readonly finishedAtMs: number;
  readonly revision: number;
  readonly failure: string;
  readonly drained: boolean;
}

/** While the region drains: hands over what only it has pinned, and looks again and again at what only it holds. */
export function startDrainer(options: DrainerOptions): Drainer {
  const { view, region, clock, settings, onDrained, onFault } = options;
  const stopped = new AbortController();
  let drainingSinceMs: number | undefined;
  let told = false;
  let last: Check | undefined;
  let current: Check | undefined;
  let running: Promise<void> | undefined;
  let wake = Promise.withResolvers<undefined>();

  const notice = (): void => {
    const isDraining = stateOf(view, region) === 'draining';
    if (isDraining === (drainingSinceMs !== undefined)) return;
    drainingSinceMs = isDraining ? clock.monotonicMs() : undefined;
    last = undefined;
    told = false;
    wake.resolve(undefined);
    wake = Promise.withResolvers();
  };
  const isSettled = (): boolean =>
    drainingSinceMs !== undefined && clock.monotonicMs() - drainingSinceMs >= settings.settleMs;

  const run = async (): Promise<void> => {
    const since = drainingSinceMs;
    const settled = isSettled();
    const counts = noCounts();
    const begun = {
      counts,
      startedAtMs: clock.nowMs(),
      finishedAtMs: 0,
      revision: 0,
      failure: '',
      drained: false,
    };
    current = begun;
    let ended: Partial<Check>;
    try {
      const revision = await checkDrain(options, counts, stopped.signal);
      ended = { revision, drained: settled && isEmpty(counts) };
    } catch (error) {
      if (stopped.signal.aborted) return;
      onFault(error);
      ended = {
        failure: error instanceof RegistryError ? error.message : 'The check met an error; see the log.',
      };
    }
    // What was found while the region was taking writes again says nothing.
    if (since !== undefined && since === drainingSinceMs)
      last = { ...begun, ...ended, finishedAtMs: clock.nowMs() };
    if (last?.drained === true && !told) {
      told = true;
      onDrained();
    }
  };
  const start = (): Promise<void> =>
    (running ??= run().finally(() => {
      running = undefined;
      current = undefined;
    }));
  const report = (): Drain => toldOf(region, stateOf(view, region), running !== undefined, last ?? current);

  const loop = async (): Promise<void> => {
    while (!stopped.signal.aborted) {
      if (drainingSinceMs !== undefined) await start();
      const until = new AbortController();
      const signal = AbortSignal.any([stopped.signal, until.signal]);
      const restMs = drainingSinceMs === undefined ? IDLE_MS : settings.checkEveryMs;
      await Promise.race([wake.promise, pause(restMs, undefined, { signal }).catch(() => undefined)]);
      until.abort();
    }
  };
  const unsubscribe = view.subscribe(({ reset, regions }) => {
    if (reset || regions) notice();
  });
  notice();
  const looping = loop().catch(onFault);

  return {
    report,
    check: async (waitMs, signal) => {
      const limit = AbortSignal.any([signal, AbortSignal.timeout(Math.min(waitMs, settings.maxWaitMs))]);
      if (drainingSinceMs !== undefined) await Promise.race([start(), aborted(limit)]);
      return report();
    },
    stop: async () => {
      unsubscribe();
      stopped.abort(new Error('The service stops.'));
      await Promise.all([looping, running]);
    },
  };
}

/** While the region is active there is nothing to do until it is not. */
const IDLE_MS = 3_600_000;

function isEmpty({ soleBlobs, solePins }: DrainCounts): boolean {
  return soleBlobs === 0 && solePins === 0;
}

function toldOf(region: string, state: string, running: boolean, check: Check | undefined): Drain {
  const { counts = noCounts(), startedAtMs = 0, finishedAtMs = 0, revision = 0, failure = '' } = check ?? {};
  return {
    ...{ region, state, running, startedAt: startedAtMs, finishedAt: finishedAtMs, revision, failure },
    ...counts,
    unreachable: [...counts.unreachable].sort(),
    placedHereOnly: [...counts.placedHereOnly].filter((repository) => repository !== '').sort(),
    drained: check?.drained ?? false,
  };
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
