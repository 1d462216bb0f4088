/** What a collection did, or does. Times are milliseconds since 1970; 0 stands for not yet. */
export interface CollectionReport {
  readonly startedAtMs: number;
  readonly finishedAtMs: number;
  /** Why it ended before its end, a sentence; empty where it did not. */
  readonly failure: string;
  /** Blobs held that were looked at. */
  readonly looked: number;
  /** Of those: named by the catalog. */
  readonly named: number;
  /** Not named, but pinned. */
  readonly pinned: number;
  /** Neither, and waiting for their time to come; those condemned among them. */
  readonly unused: number;
  readonly condemned: number;
  readonly removedBlobs: number;
  readonly removedBytes: number;
}

export function newReport(startedAtMs: number): CollectionReport {
  return {
    startedAtMs,
    finishedAtMs: 0,
    failure: '',
    looked: 0,
    named: 0,
    pinned: 0,
    unused: 0,
    condemned: 0,
    removedBlobs: 0,
    removedBytes: 0,
  };
}

type Count = Exclude<keyof CollectionReport, 'startedAtMs' | 'finishedAtMs' | 'failure'>;

/** The report with more of what is named. */
export function added(report: CollectionReport, counts: Partial<Record<Count, number>>): CollectionReport {
  const sums = Object.entries(counts).map(([name, count]) => [name, report[name as Count] + count]);
  return { ...report, ...Object.fromEntries(sums) } as CollectionReport;
}
