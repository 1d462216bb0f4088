/** A count as it stands. */
export interface Count {
  readonly count: number;
  /** Until it begins anew. */
  readonly endsInMs: number;
}

/**
 * Counts that the processes of one region share, so that each sees what all do. A region's scratch, as leases are: where they can't be
 * shared in time, or what is shared is less than this process counted itself, its own counts stand.
 */
export interface Counters {
  /**
   * Adds to a count, which begins anew `windowMs` after it began; 0 only reads it. Rejects only when `signal` aborts.
   */
  add(key: string, amount: number, windowMs: number, signal: AbortSignal): Promise<Count>;
}
