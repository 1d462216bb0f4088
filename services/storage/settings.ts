/** The limits of one storage service. Times are in milliseconds. */
export interface StorageSettings {
  /** Uploads that may be written to at the same time; one more gets TOOMANYREQUESTS. */
  readonly maxConcurrentUploads: number;
  /** Blobs that may arrive from other regions at the same time; one more gets TOOMANYREQUESTS. */
  readonly maxConcurrentIngests: number;
  /** Largest upload; 0 is no limit but the disk's. */
  readonly maxUploadBytes: number;
  /** Largest blob of Put, which is held in memory. */
  readonly maxPutBytes: number;
  /** How long an upload, a mount or a hold protects a blob that nothing names yet. */
  readonly pinLifetimeMs: number;
  /** How long an upload is kept after the last bytes came; then it ends by itself. */
  readonly uploadExpiryMs: number;
  /** The longest pause between two looks for uploads whose time has run out; shorter where `uploadExpiryMs` is short. */
  readonly maxSweepPauseMs: number;
  /** A writer who sends nothing for so long gives way to another request for the upload. What it sent is kept. */
  readonly stalledWriterMs: number;
  /** How long a request waits for a writer that may have lost its caller without knowing it yet. */
  readonly leaveWaitMs: number;
  /** A long write is made durable each time this much has come, so that little is left to do at its end, and a crash costs at most that much of it. */
  readonly flushEveryBytes: number;
  /** Bytes of one write that may wait in memory for the disk. */
  readonly maxPendingWriteBytes: number;
  /** Bytes of a blob per message; a reader costs two of them in memory. */
  readonly readChunkBytes: number;
  /** Bytes a second that are re-hashed all the time to find damage; 0: none. */
  readonly scrubBytesPerSecond: number;
  /** The same while someone has asked for it; 0: as fast as it goes. */
  readonly verifyBytesPerSecond: number;
  /** What is kept in quarantine goes after so long, and the oldest of it sooner where it is more than so many bytes. */
  readonly quarantineLifetimeMs: number;
  readonly maxQuarantineBytes: number;
  /** It is looked at what there is, name and size of each blob, so often; spread over all of that time. */
  readonly recountIntervalMs: number;
  /** A round of scrubbing begins so long after the one before began, at the earliest. */
  readonly scrubIntervalMs: number;
  /** How long to wait at the start for the previous owner of the data directory to end. */
  readonly ownerLockWaitMs: number;
}

const MIB = 1024 * 1024;

export const defaultStorageSettings: StorageSettings = {
  maxConcurrentUploads: 256,
  maxConcurrentIngests: 64,
  maxUploadBytes: 0,
  maxPutBytes: 8 * MIB,
  pinLifetimeMs: 7 * 24 * 60 * 60 * 1000,
  uploadExpiryMs: 7 * 24 * 60 * 60 * 1000,
  maxSweepPauseMs: 10 * 60 * 1000,
  stalledWriterMs: 10_000,
  leaveWaitMs: 500,
  flushEveryBytes: 8 * MIB,
  maxPendingWriteBytes: 4 * MIB,
  readChunkBytes: MIB / 4,
  scrubBytesPerSecond: 16 * MIB,
  verifyBytesPerSecond: 128 * MIB,
  quarantineLifetimeMs: 7 * 24 * 60 * 60 * 1000,
  maxQuarantineBytes: 10 * 1024 * MIB,
  recountIntervalMs: 10 * 60 * 1000,
  scrubIntervalMs: 24 * 60 * 60 * 1000,
  ownerLockWaitMs: 3_000,
};
