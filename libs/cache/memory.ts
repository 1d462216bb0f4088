import type { SharedCache } from './leases.ts';
import { createMemoryCounters } from './memory-counters.ts';

/** For a region that is one process. `now` gives monotonic milliseconds. */
export function createMemoryCache(now: () => number): SharedCache {
  const held = new Map<string, { readonly endsAt: number }>();
  return {
    ...createMemoryCounters(now),
    tryAcquire: async (key, ttlMs, signal) => {
      signal.throwIfAborted();
      const holder = held.get(key);
      if (holder !== undefined && holder.endsAt > now()) return undefined;
      const lease = { endsAt: now() + ttlMs };
      held.set(key, lease);
      return async () => {
        // A lease that has ended may be another's by now.
        if (held.get(key) === lease) held.delete(key);
      };
    },
    ping: () => Promise.resolve(),
    close: () => Promise.resolve(),
  };
}
