import { LRUCache } from 'lru-cache';
import type { Counters } from './counters.ts';

/** Beyond these the least recently used are forgotten. */
const MAX_COUNTS = 50_000;

/** Of this process. `now` gives monotonic milliseconds. */
export function createMemoryCounters(now: () => number): Counters {
  const counts = new LRUCache<string, { count: number; endsAt: number }>({ max: MAX_COUNTS });
  return {
    add: async (key, amount, windowMs, signal) => {
      signal.throwIfAborted();
      const at = now();
      const before = counts.get(key);
      const running = before !== undefined && before.endsAt > at;
      const counted = running
        ? { count: before.count + amount, endsAt: before.endsAt }
        : { count: amount, endsAt: at + windowMs };
      if (amount > 0) counts.set(key, counted);
      return { count: counted.count, endsInMs: counted.endsAt - at };
    },
  };
}
