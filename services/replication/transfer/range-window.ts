/**
 * How many ranges of a blob are under way at the same time: as many as there are connections at first, then about what the link brings in a
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

/** For each region a window, which keeps what it has learnt of the link for the next blob. `connections`: how many the way there is worth. */
export function createRangeWindows(connections: (region: string) => number): (region: string) => RangeWindow {
  const windows = new Map<string, RangeWindow>();
  return (region) => {
    const window = windows.get(region) ?? createRangeWindow(() => connections(region));
    windows.set(region, window);
    return window;
  };
}

export function createRangeWindow(connections: () => number): RangeWindow {
  let learnt: number | undefined;
  // Not before it is needed: the round trip may not be known yet.
  const size = (): number => (learnt ??= Math.max(MIN_RANGES, connections()));
  return {
    size,
    completed: (tookMs) => {
      if (tookMs < QUICK_MS) learnt = Math.min(size() + 1, RANGES_PER_CONNECTION * connections());
      else if (tookMs > SLOW_MS) learnt = Math.max(MIN_RANGES, size() - 1);
    },
  };
}
