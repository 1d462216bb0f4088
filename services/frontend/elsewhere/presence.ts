import { setTimeout as sleep } from 'node:timers/promises';
import { Unanswered } from '#libs/rpc/errors.ts';

/** What is known of a service: whether it answers. Nothing is asked of it for that while it does. */
export interface Presence {
  /** False from a call that it did not answer until it answers a probe. */
  readonly answers: boolean;
  /**
   * Makes a call. Throws Unanswered: at once where the service is known to be away, and for calls under way as soon as it is found to be.
   */
  call<T>(call: (signal: AbortSignal) => Promise<T>, signal: AbortSignal): Promise<T>;
  /** The same for a stream. The time that its reader takes is not counted. */
  stream<T>(
    open: (signal: AbortSignal) => AsyncIterable<T>,
    signal: AbortSignal,
  ): AsyncGenerator<T, void, undefined>;
  /** Aborts when the service answers again; where it does, already. */
  back(): AbortSignal;
}

export interface PresenceOptions {
  /** A call that every service of the kind answers at once. */
  readonly probe: (signal: AbortSignal) => Promise<unknown>;
  readonly limits: PresenceLimits;
  readonly onAway: (why: Unanswered) => void;
  readonly onBack: () => void;
  /** Ends the probing. */
  readonly signal: AbortSignal;
}

export interface PresenceLimits {
  /** A call that takes longer has the service probed, and again each time that this is over. */
  readonly suspectAfterMs: number;
  /** What a probe may take. */
  readonly probeTimeoutMs: number;
  /** Between probes of a service that is away: the first pause, and the longest. */
  readonly leastPauseMs: number;
  readonly mostPauseMs: number;
}

/** A probe that ends so long after its time was over was held up in this process. */
const HELD_UP_MS = 500;

export function createPresence({ limits, signal: stopping, ...options }: PresenceOptions): Presence {
  const { probeTimeoutMs, leastPauseMs, mostPauseMs } = limits;
  let away: { why: Unanswered; back: AbortController } | undefined;
  const underWay = new Set<AbortController>();
  let suspected: Promise<void> | undefined;

  const lose = (why: Unanswered): void => {
    if (away !== undefined || stopping.aborted) return;
    away = { why, back: new AbortController() };
    options.onAway(why);
    for (const call of underWay) call.abort(why);
    untilBack(away.back).catch(() => undefined);
  };
  const untilBack = async (back: AbortController): Promise<void> => {
    for (let pauseMs = leastPauseMs; (await probed()) !== undefined;) {
      await sleep(pauseMs, undefined, { signal: stopping, ref: false });
      pauseMs = Math.min(pauseMs * 2, mostPauseMs);
    }
    if (stopping.aborted) return;
    away = undefined;
    back.abort();
    options.onBack();
  };
  /** Why the service does not answer. One that says that it can't does answer. */
  const probed = async (): Promise<Unanswered | undefined> => {
    const limit = AbortSignal.timeout(probeTimeoutMs);
    const startedAt = performance.now();
    try {
      await options.probe(AbortSignal.any([limit, stopping]));
      return undefined;
    } catch (error) {
      if (error instanceof Unanswered) return error;
      // A process that was too busy to look can't say that nobody answered.
      const isHeldUp = performance.now() - startedAt > probeTimeoutMs + HELD_UP_MS;
      return limit.aborted && !isHeldUp
        ? new Unanswered(`A service did not answer within ${probeTimeoutMs} ms.`)
        : undefined;
    }
  };
  const suspect = async (): Promise<void> => {
    const why = await probed();
    if (why !== undefined) lose(why);
    suspected = undefined;
  };
  /** Has the service probed now and then until the result is called. */
  const waiting = (): (() => void) => {
    const timer = setInterval(() => void (suspected ??= suspect()), limits.suspectAfterMs).unref();
    return () => clearInterval(timer);
  };
  /** A signal that aborts with `signal`, and when the service is found to be away. AbortSignal.any would leave something behind each time. */
  const begin = (signal: AbortSignal): { limited: AbortSignal; end: () => void } => {
    const call = new AbortController();
    const abort = (): void => call.abort(signal.reason);
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort, { once: true });
    underWay.add(call);
    const end = (): void => {
      signal.removeEventListener('abort', abort);
      underWay.delete(call);
    };
    return { limited: call.signal, end };
  };
  const noted = (error: unknown, signal: AbortSignal): unknown => {
    if (error instanceof Unanswered && !signal.aborted) lose(error);
    return error;
  };

  return {
    get answers() {
      return away === undefined;
    },
    call: async (call, signal) => {
      if (away !== undefined) throw away.why;
      const { limited, end } = begin(signal);
      const answered = waiting();
      try {
        return await call(limited);
      } catch (error) {
        throw noted(error, limited);
      } finally {
        answered();
        end();
      }
    },
    stream: async function* (open, signal) {
      if (away !== undefined) throw away.why;
      const { limited, end } = begin(signal);
      const iterator = open(limited)[Symbol.asyncIterator]();
      try {
        for (;;) {
          const step = await iterator.next().finally(waiting());
          if (step.done === true) return;
          yield step.value;
        }
      } catch (error) {
        throw noted(error, limited);
      } finally {
        end();
        await iterator.return?.();
      }
    },
    back: () => away?.back.signal ?? AbortSignal.abort(),
  };
}
