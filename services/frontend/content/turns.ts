/** Lets few of many go at a time. */
export interface Turns {
  /** Waits for a turn; the result ends it, and may be called twice. Throws what `signal` aborts with. */
  take(signal: AbortSignal): Promise<() => void>;
}

/**
 * At most `max` turns at a time, first come, first served. One that lasts longer than `maxMs` no longer counts: it waits for something that is not
 * here, and nobody else should wait for that.
 */
export function createTurns({ max, maxMs }: { max: number; maxMs: number }): Turns {
  const waiting = new Set<() => void>();
  let taken = 0;
  const begin = (): (() => void) => {
    taken += 1;
    const end = (): void => {
      if (state.ended) return;
      state.ended = true;
      clearTimeout(timer);
      taken -= 1;
      const [next] = waiting;
      next?.();
    };
    const state = { ended: false };
    const timer = setTimeout(end, maxMs).unref();
    return end;
  };
  return {
    take: async (signal) => {
      signal.throwIfAborted();
      if (taken < max) return begin();
      return new Promise((resolve, reject) => {
        const leave = (): void => {
          waiting.delete(go);
          signal.removeEventListener('abort', giveUp);
        };
        const go = (): void => {
          leave();
          resolve(begin());
        };
        const giveUp = (): void => {
          leave();
          reject(signal.reason as Error);
        };
        signal.addEventListener('abort', giveUp);
        waiting.add(go);
      });
    },
  };
}
