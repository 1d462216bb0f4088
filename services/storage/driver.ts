import type { Digest } from '#libs/oci/digest.ts';

/*
 * What the storage service asks of a medium. Nothing here needs a file system: publishing may be a rename, or the completion of
 * a multipart upload. All errors are the medium's own (`faults.ts` makes sentences of them).
 */

/** Bytes that can be read anywhere at any time until `close`. */
export interface ByteSource {
  /** Bytes there are; of staged bytes, those written so far. */
  readonly size: number;
  /** Fills as much of the buffer as there are bytes from `position` on, and says how many that were. Safe to call concurrently. */
  read(buffer: Uint8Array, position: number): Promise<number>;
  /** Waits for reads under way. Whoever opened it closes it, once. */
  close(): Promise<void>;
}

/** Writes to files of this process, in the order of the calls. */
export interface FileWriter {
  /** Writes all chunks from `position` on. `failure`: why it could write no more than so many bytes. */
  write(
    file: number,
    position: number,
    chunks: readonly Uint8Array[],
  ): Promise<{ readonly written: number; readonly failure?: Error }>;
}

/** Bytes that may become a blob. One writer at a time. */
export interface StagedBytes extends ByteSource {
  /** Writes the chunks in order after what is there. When it throws, `size` says how far it got. */
  append(chunks: readonly Uint8Array[]): Promise<void>;
  /** The same by someone who can write to the file that they are; absent where they are none. May be called again before it is done. */
  appendThrough?(writer: FileWriter, chunks: readonly Uint8Array[]): Promise<void>;
  /** Makes everything appended before the call durable; of uploads also that they are there, unless they are to be published next. */
  flush(options?: { readonly isPublishedNext?: boolean }): Promise<void>;
}

export interface HeldBlob {
  readonly digest: Digest;
  readonly size: number;
}

/** Blobs that are whole. */
export interface BlobReader {
  /** Size in bytes; undefined: not held. */
  stat(digest: Digest): Promise<number | undefined>;
  open(digest: Digest): Promise<ByteSource | undefined>;
  /** Where others can read a held blob themselves; empty strings: nowhere. */
  locate(digest: Digest): { path: string; url: string };
  /**
   * In no order; what is published or removed meanwhile may or may not be among them. `prefix`: only those whose digests begin with these
   * hexadecimal digits, two at least.
   */
  list(signal: AbortSignal, prefix?: string): AsyncIterable<HeldBlob>;
}

/** `uploads` survive restarts, `ingests` don't. */
export type StagingArea = 'uploads' | 'ingests';

export interface BlobWriter {
  /** Opens staged bytes, new or again, cut to `size` bytes. Fewer where fewer are there. */
  stage(area: StagingArea, name: string, size: number): Promise<StagedBytes>;
  /** Makes staged and flushed bytes a blob, durably, and whole at once for all who look. Open sources of them go on working. */
  publish(area: StagingArea, name: string, digest: Digest): Promise<void>;
  /** Removes staged bytes; succeeds if there are none. Open sources of them go on working. */
  discard(area: StagingArea, name: string): Promise<void>;
}

/** Of whole blobs. */
export interface BlobRemover {
  /** Removes the blob, durably; succeeds if there is none. Open sources of it go on working. */
  remove(digest: Digest): Promise<void>;
}

/** Of blobs that turned out not to be what their digests say. */
export interface BlobQuarantine {
  /** Takes the blob from among the whole ones, durably, and keeps what is there for people to look at. Open sources of it go on working. */
  quarantine(digest: Digest): Promise<void>;
  /** What is kept so, in no order. */
  listQuarantined(signal: AbortSignal): AsyncIterable<HeldBlob>;
  /** Removes it for good; succeeds if there is nothing. */
  discardQuarantined(digest: Digest): Promise<void>;
}

/** What a start needs after a crash, and what operators ask. */
export interface Volume {
  /** Makes all that is visible durable; a crash may have come between the two. */
  settle(): Promise<void>;
  /** Names and sizes of what is staged. */
  staged(area: StagingArea): Promise<Map<string, number>>;
  freeBytes(): Promise<number>;
  /** Gives up what is kept open; to be called as the last. */
  close(): Promise<void>;
}

export interface StorageDriver extends BlobReader, BlobWriter, BlobRemover, BlobQuarantine, Volume {}
