/**
 * How many ranges of a blob are under way at the same time: as many as its connections are worth at first, then about what the link brings in a
 * second. More would only wait in its queues, and others with it.
 */
export interface RangeWindow {
  /** So many may be under way. */
  size(): number;
  /** One has come, so long after it was asked for. */
  completed(tookMs: number): void;
}

/** So that a connection always has something to bring. */
const RANGES_PER_CONNECTION = 3;
const MIN_RANGES = 2;
const QUICK_MS = 1_000;
const SLOW_MS = 2_000;

export function createRangeWindow(connections: () => number): RangeWindow {
  let size = Math.max(MIN_RANGES, connections());
  return {
    size: () => size,
    completed: (tookMs) => {
      if (tookMs < QUICK_MS) size = Math.min(size + 1, RANGES_PER_CONNECTION * connections());
      else if (tookMs > SLOW_MS) size = Math.max(MIN_RANGES, size - 1);
    },
  };
}
