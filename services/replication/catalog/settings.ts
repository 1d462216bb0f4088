/** The catalog's limits in time; each can be set, these are the defaults. */
export interface CatalogSettings {
  /** For a read of the head, and again for the view to get there. */
  readonly barrierTimeoutMs: number;
  /** How long a request waits for the view to reach the revision it brings. */
  readonly minRevisionTimeoutMs: number;
  /** How long a push or deletion, once committed, waits for this region's own view to show it. */
  readonly ownWriteTimeoutMs: number;
  /** How long regions may take to fetch and pin a push's content. */
  readonly holdTimeoutMs: number;
  /** How long one transaction is repeated while its outcome is not known. */
  readonly commitTimeoutMs: number;
  /** How often the head is read so that staleness is known. */
  readonly headEveryMs: number;
  /** How long the view may stand still behind a known head before the watch is made anew. */
  readonly maxStuckMs: number;
  /** A frame goes out at least this often. */
  readonly frameEveryMs: number;
  /** How often all that manifests name without owning it is compared with what this region has by now. */
  readonly adoptEveryMs: number;
  /** How long regions may take to fetch and pin what a manifest is about to own. */
  readonly adoptTimeoutMs: number;
  /** How often it is looked whether the keys of the registry's tokens are to be rotated. */
  readonly keyLookEveryMs: number;
  /** How long a key signs, and how long it is published before. */
  readonly keyUseMs: number;
  readonly keyPublishMs: number;
  /** How much of etcd's history is kept for views to resume in. */
  readonly historyMs: number;
}

export const DEFAULT_SETTINGS: CatalogSettings = {
  barrierTimeoutMs: 5_000,
  minRevisionTimeoutMs: 5_000,
  ownWriteTimeoutMs: 2_000,
  holdTimeoutMs: 45_000,
  commitTimeoutMs: 30_000,
  headEveryMs: 1_000,
  maxStuckMs: 5_000,
  frameEveryMs: 1_000,
  adoptEveryMs: 30_000,
  adoptTimeoutMs: 15_000,
  keyLookEveryMs: 60_000,
  keyUseMs: 30 * 24 * 3_600_000,
  keyPublishMs: 24 * 3_600_000,
  historyMs: 3_600_000,
};
