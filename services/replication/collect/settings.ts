/** When and how a region collects what nothing needs. Times are in milliseconds. */
export interface CollectSettings {
  /** Without it a region collects only when it is told to. */
  readonly collects: boolean;
  /** From the end of one collection to the beginning of the next. */
  readonly collectIntervalMs: number;
  /** How long a blob must be unused before it is condemned, and how long condemned before it goes. */
  readonly collectGraceMs: number;
  /** Nothing is collected by a view that is staler. */
  readonly maxCollectStalenessMs: number;
  /** What the view may take to reach the revision of the region's new epoch. */
  readonly collectViewTimeoutMs: number;
  /** Blobs that are looked at together; also what runs between two turns of the event loop. */
  readonly collectBatch: number;
  /** Blobs that are removed a second, so that clients do not feel it. */
  readonly maxRemovalsPerSecond: number;
}

const HOUR_MS = 3_600_000;

export const defaultCollectSettings: CollectSettings = {
  collects: true,
  collectIntervalMs: HOUR_MS,
  collectGraceMs: 24 * HOUR_MS,
  maxCollectStalenessMs: 10_000,
  collectViewTimeoutMs: 30_000,
  collectBatch: 500,
  maxRemovalsPerSecond: 200,
};
