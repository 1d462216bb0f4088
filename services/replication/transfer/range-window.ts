/** How many ranges of a blob are asked for at the same time. */
export interface WindowSize {
  /** Of which nothing has come yet. */
  readonly awaited: number;
  /** All that are not complete. */
  readonly underWay: number;
}

/**
 * The ranges that are under way to keep a link busy. Those that begin to come are followed by others, which come when the former are complete: so
 * that is one for each connection at first, and more while each begins a round trip after it was asked for. Once they begin later they wait in
 * the link's queues, and others with them.
 */
export interface RangeWindow {
  size(): WindowSize;
  /** One has begun to come, so long after it was asked for. */
  begun(afterMs: number): void;
}

/** The way to a region. */
export interface Way {
  /** How many connections it is worth. */
  readonly connections: number;
  /** 0 while it is not known. */
  readonly roundTripMs: number;
}

const MIN_RANGES = 2;
const MAX_AWAITED_PER_CONNECTION = 3;
/** Connections share the link: what began may be complete much later. */
const MAX_PER_CONNECTION = 4;
/** When a range should have begun, in round trips and besides; and how much later it must be to be too late. */
const IN_TIME_ROUND_TRIPS = 1.25;
const IN_TIME_MS = 25;
const LATE = 2;

/** For each region a window, which keeps what it has learnt of the link for the next blob. */
export function createRangeWindows(wayTo: (region: string) => Way): (region: string) => RangeWindow {
  const windows = new Map<string, RangeWindow>();
  return (region) => {
    const window = windows.get(region) ?? createRangeWindow(() => wayTo(region));
    windows.set(region, window);
    return window;
  };
}

export function createRangeWindow(way: () => Way): RangeWindow {
  let learnt: number | undefined;
  const rangesOf = (perConnection: number): number => Math.max(MIN_RANGES, perConnection * way().connections);
  // Not before it is needed: the round trip may not be known yet.
  const awaited = (): number => (learnt ??= rangesOf(1));
  return {
    size: () => ({ awaited: awaited(), underWay: rangesOf(MAX_PER_CONNECTION) }),
    begun: (afterMs) => {
      const inTimeMs = IN_TIME_ROUND_TRIPS * way().roundTripMs + IN_TIME_MS;
      if (afterMs < inTimeMs) learnt = Math.min(awaited() + 1, rangesOf(MAX_AWAITED_PER_CONNECTION));
      else if (afterMs > LATE * inTimeMs) learnt = Math.max(MIN_RANGES, awaited() - 1);
    },
  };
}
