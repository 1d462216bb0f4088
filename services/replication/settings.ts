/** Every limit of the transfer half, with the default that suits regions up to 300 ms apart. */
export interface TransferSettings {
  /** How often every other region is pinged. */
  readonly pingIntervalMs: number;
  /** The same for a region that does not answer, so that it is not taken for lost for long after it has come. */
  readonly awayPingIntervalMs: number;
  /** How long a start waits for the other regions to answer: those that start together should know each other when they are ready. */
  readonly meetTimeoutMs: number;
  /** Pings in a row without an answer after which a region counts as lost. */
  readonly pingsUntilLost: number;
  /** What a small question to another region (ping, stat, pins, announce) may take. */
  readonly askTimeoutMs: number;
  /** A stream from another region without a byte for so long has lost its source. */
  readonly stallTimeoutMs: number;
  /** So long what another region copies for nobody makes way, here, for what clients of others wait for; far less than what is taken for a stall. */
  readonly makeWayMs: number;
  /** The most connections to one region for the bulk of blobs; the longer the round trip, the more of them are used. */
  readonly linkConnections: number;
  /** What may come from a region in Mbit/s, by its name; none: no limit. */
  readonly linkLimits: Readonly<Record<string, number>>;
  /** The same of what no client waits for. */
  readonly backgroundLimits: Readonly<Record<string, number>>;
  /** Larger blobs are asked for in ranges of so many bytes, several at the same time. */
  readonly rangeBytes: number;
  /**
   * What all copies together may have asked for beyond the range that each one needs next; it may come before that one and then waits in
   * memory, as the bytes do that are sent or come unasked: of these, half of it at most.
   */
  readonly readAheadBytes: number;
  /** Copies that run at the same time. */
  readonly maxCopies: number;
  /** How many of those nobody may be waiting for. */
  readonly maxBackgroundCopies: number;
  /** Copies that wait for their turn; what comes beyond is refused. */
  readonly maxQueuedCopies: number;
  /** How long a client's copy waits for its turn before the client is relayed instead. */
  readonly turnTimeoutMs: number;
  /** Room that copies leave on the store's disk. */
  readonly minFreeBytes: number;
  /** How long a region that sent wrong bytes for a blob is not asked for it again. */
  readonly suspectMs: number;
  /** What a region that sent wrong bytes may take to read its copy again. */
  readonly suspectTimeoutMs: number;
  /** What a push waits for regions to hold its content. */
  readonly holdTimeoutMs: number;
  /** A region that has not held the content for so long gets a substitute, which it may still beat. */
  readonly slowHoldMs: number;
  /** The most regions told of a blob as its upload ends; as many are as the repository's durability asks for. */
  readonly announceRegions: number;
  /** Announced blobs that may wait to be copied or to be told; more are dropped, for the reconcile loop will find them. */
  readonly maxAnnounced: number;
  /** The reconcile loop looks at everything so often, even when nothing seems to have changed. */
  readonly reconcileIntervalMs: number;
  /** How often it is told how a region fills up, while that lasts. */
  readonly tellProgressEveryMs: number;
  /** While neither the catalog nor the storage's count of losses has changed, only so often. */
  readonly fullLookIntervalMs: number;
  /** How often the other regions are compared with what the catalog wants there. */
  readonly compareIntervalMs: number;
  /** What such a comparison may take. */
  readonly compareTimeoutMs: number;
  /** How long a region that is compared waits for its view to come where the asker's is. */
  readonly viewTimeoutMs: number;
  /** The longest pause of the reconcile loop after failures. */
  readonly maxReconcilePauseMs: number;
  /** What another region may take to answer a call about an upload, hashing and fsync included. */
  readonly uploadTimeoutMs: number;
}

export const defaultTransferSettings: TransferSettings = {
  pingIntervalMs: 2_000,
  awayPingIntervalMs: 250,
  meetTimeoutMs: 3_000,
  pingsUntilLost: 3,
  askTimeoutMs: 3_000,
  stallTimeoutMs: 10_000,
  makeWayMs: 1_000,
  linkConnections: 16,
  linkLimits: {},
  backgroundLimits: {},
  rangeBytes: 1024 * 1024,
  readAheadBytes: 48 * 1024 * 1024,
  maxCopies: 32,
  maxBackgroundCopies: 8,
  maxQueuedCopies: 4_096,
  turnTimeoutMs: 1_000,
  minFreeBytes: 512 * 1024 * 1024,
  suspectMs: 600_000,
  suspectTimeoutMs: 300_000,
  holdTimeoutMs: 45_000,
  slowHoldMs: 10_000,
  announceRegions: 16,
  maxAnnounced: 1_024,
  reconcileIntervalMs: 60_000,
  fullLookIntervalMs: 600_000,
  compareIntervalMs: 10_000,
  compareTimeoutMs: 30_000,
  viewTimeoutMs: 2_000,
  maxReconcilePauseMs: 30_000,
  tellProgressEveryMs: 5_000,
  uploadTimeoutMs: 300_000,
};
