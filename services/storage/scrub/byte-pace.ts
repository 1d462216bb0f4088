import { setTimeout as pause } from 'node:timers/promises';

/** Keeps work to a number of bytes a second. */
export interface BytePace {
  /** Waits until that many more bytes may be worked on. Rejects when `signal` aborts. */
  spend(bytes: number, signal: AbortSignal): Promise<void>;
}

/** What may be caught up with after a time without work. */
const BURST_MS = 100;

/** `bytesPerSecond` 0: no limit. `now` is monotonic, in milliseconds; `onSpent` hears of what may be worked on. */
export function createBytePace(
  bytesPerSecond: number,
  now: () => number,
  onSpent: (bytes: number) => void = () => undefined,
): BytePace {
  let freeAt = now();
  return {
    spend: async (bytes, signal) => {
      signal.throwIfAborted();
      onSpent(bytes);
      if (bytesPerSecond === 0) return;
      freeAt = Math.max(freeAt, now() - BURST_MS);
      const waitMs = freeAt - now();
      freeAt += (bytes * 1000) / bytesPerSecond;
      if (waitMs > 0) await pause(waitMs, undefined, { signal, ref: false });
    },
  };
}
