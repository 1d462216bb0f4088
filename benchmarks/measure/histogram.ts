/** How much wider each bucket is than the one before: what a histogram tells is right to two per cent. */
const GROWTH = 1.02;
const LOG_GROWTH = Math.log(GROWTH);
/** Microseconds in the first bucket; the last ends beyond an hour. */
const BUCKETS = 1_200;

/** As it is sent between processes and kept in files: buckets that are not empty, with their counts. */
export type HistogramCounts = readonly (readonly [bucket: number, count: number])[];

/** Durations counted in buckets, so that any number of them takes little room and several rounds can be added up. */
export class Histogram {
  readonly #counts = new Float64Array(BUCKETS);

  static from(counts: HistogramCounts): Histogram {
    const histogram = new Histogram();
    for (const [bucket, count] of counts) histogram.#counts[bucket] = count;
    return histogram;
  }

  /** All of them in one. */
  static sum(all: readonly HistogramCounts[]): Histogram {
    const histogram = new Histogram();
    for (const counts of all)
      for (const [bucket, count] of counts)
        histogram.#counts[bucket] = (histogram.#counts[bucket] ?? 0) + count;
    return histogram;
  }

  record(durationMs: number): void {
    const bucket = durationMs <= 0.001 ? 0 : Math.floor(Math.log(durationMs * 1_000) / LOG_GROWTH);
    const kept = Math.min(bucket, BUCKETS - 1);
    this.#counts[kept] = (this.#counts[kept] ?? 0) + 1;
  }

  get total(): number {
    return this.#counts.reduce((sum, count) => sum + count, 0);
  }

  /** The duration in milliseconds that the given share of all does not exceed; NaN where there is none. */
  quantile(share: number): number {
    const total = this.total;
    if (total === 0) return NaN;
    let seen = 0;
    for (const [bucket, count] of this.#counts.entries()) {
      seen += count;
      if (count > 0 && seen >= share * total) return middleMs(bucket);
    }
    return NaN;
  }

  /** Points of the curve that says which share of all took at most how long. */
  cumulative(): { durationMs: number; share: number }[] {
    const total = this.total;
    let seen = 0;
    return this.counts().map(([bucket, count]) => {
      seen += count;
      return { durationMs: middleMs(bucket), share: seen / total };
    });
  }

  counts(): HistogramCounts {
    return [...this.#counts.entries()].filter(([, count]) => count > 0);
  }
}

function middleMs(bucket: number): number {
  return GROWTH ** (bucket + 0.5) / 1_000;
}
