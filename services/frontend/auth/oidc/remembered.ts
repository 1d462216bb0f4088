import { LRUCache } from 'lru-cache';

/** Something that is had from elsewhere, and kept for a while. */
export interface Remembered<T> {
  /**
   * What is there, if it is no older than `maxAgeMs`, or else what `load` gives. It is loaded once at a time and not more often than the limit
   * says; meanwhile, and while loading fails, what is there goes on being given until it is too old for all. Throws what `load` threw.
   */
  get(key: string, maxAgeMs: number, load: () => Promise<T>): Promise<T>;
}

export interface RememberedLimits {
  readonly maxKept: number;
  /** Older than that nothing is given. */
  readonly maxAgeMs: number;
  /** Between two times of loading the same. */
  readonly leastPauseMs: number;
}

interface Kept<T> {
  value: { readonly of: T; readonly at: number } | undefined;
  failure: unknown;
  triedAt: number;
  loading: Promise<void> | undefined;
}

/** `now` gives monotonic milliseconds. */
export function createRemembered<T>(limits: RememberedLimits, now: () => number): Remembered<T> {
  const all = new LRUCache<string, Kept<T>>({ max: limits.maxKept });
  const loadInto = async (kept: Kept<T>, load: () => Promise<T>): Promise<void> => {
    const at = now();
    kept.triedAt = at;
    try {
      kept.value = { of: await load(), at };
      kept.failure = undefined;
    } catch (error) {
      kept.failure = error;
    } finally {
      kept.loading = undefined;
    }
  };
  return {
    get: async (key, maxAgeMs, load) => {
      const kept = all.get(key) ?? {
        value: undefined,
        failure: undefined,
        triedAt: -Infinity,
        loading: undefined,
      };
      all.set(key, kept);
      const isOld = kept.value === undefined || now() - kept.value.at > maxAgeMs;
      if (isOld) {
        const isDue = now() - kept.triedAt >= limits.leastPauseMs;
        if (isDue) kept.loading ??= loadInto(kept, load);
        await kept.loading;
      }
      const { value, failure } = kept;
      if (value !== undefined && now() - value.at <= limits.maxAgeMs) return value.of;
      throw failure;
    },
  };
}
