import type { StagedBytes } from '../driver.ts';
import { bytesOf } from './chunks.ts';

/** Appends to staged bytes. */
export interface Appender {
  /** How many may be under way at once; they are done in the order of the calls. */
  readonly depth: number;
  /** `isEnd`: the producer has said that nothing follows. */
  append(chunks: readonly Uint8Array[], isEnd: boolean): Promise<void>;
}

/** So long a few bytes wait for more to be written with. */
const MAX_WAIT_MS = 50;

export interface WriteBehindOptions {
  /** Bytes that may wait in memory for the disk. */
  readonly maxPendingBytes: number;
  /** Less waits a moment for more: each write has its price. */
  readonly leastBytes: number;
  /** How much may be written before it is made durable in the background. */
  readonly flushEveryBytes: number;
  /** Told each time that more bytes can be read. */
  readonly onWritten?: () => void;
  /** Told after a flush in the background that the bytes before `position` are durable. */
  readonly onFlushed?: (position: number) => Promise<void>;
}

/**
 * Writes to staged bytes while the producer goes on to receive. The chunks that gather while others are written go out together in the
 * next write, and flushing runs beside writing, so that the last flush, which is the caller's, has little left to do. Chunks must not be changed after `push`.
 */
export class WriteBehind {
  readonly #staged: StagedBytes;
  readonly #appender: Appender;
  readonly #options: WriteBehindOptions;
  #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  /** Those that wait and those that are being written. */
  #pendingBytes = 0;
  #writes = 0;
  #timer: NodeJS.Timeout | undefined;
  #flushing: Promise<void> | undefined;
  #flushedTo: number;
  #batchDone = Promise.withResolvers<undefined>();
  #failure: { error: unknown } | undefined;

  constructor(staged: StagedBytes, appender: Appender, options: WriteBehindOptions) {
    this.#staged = staged;
    this.#appender = appender;
    this.#options = options;
    this.#flushedTo = staged.size;
  }

  /** Takes a chunk and starts to write it. Await `room` after it. */
  push(chunk: Uint8Array): void {
    if (this.#failure !== undefined) return;
    this.#waiting.push(chunk);
    this.#waitingBytes += chunk.length;
    this.#pendingBytes += chunk.length;
    this.#write(this.#options.leastBytes);
    if (this.#waitingBytes > 0) this.#writeSoon();
  }

  /** Waits until another chunk may be pushed. Throws what the disk answered, if that was an error. */
  async room(): Promise<void> {
    while (this.#pendingBytes > this.#options.maxPendingBytes && this.#writes > 0)
      await this.#batchDone.promise;
    this.check();
  }

  /** Writes all that waits, and waits until nothing is under way any more; whether all went well, `check` says. */
  async idle(): Promise<void> {
    this.#write(1, true);
    while (this.#writes > 0) {
      await this.#batchDone.promise;
      this.#write(1, true);
    }
    clearTimeout(this.#timer);
    await this.#flushing;
  }

  /** Throws what the disk answered, if that was an error. */
  check(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  /** Begins to write what waits, if that is at least so much and not too many writes are under way. */
  #write(leastBytes: number, isEnd = false): void {
    if (this.#failure !== undefined) return;
    if (this.#writes >= this.#appender.depth || this.#waitingBytes < leastBytes) return;
    const chunks = this.#waiting;
    this.#waiting = [];
    this.#waitingBytes = 0;
    this.#writes += 1;
    this.#append(chunks, isEnd)
      .catch((error: unknown) => (this.#failure ??= { error }))
      .finally(() => this.#goOn());
  }

  async #append(chunks: readonly Uint8Array[], isEnd: boolean): Promise<void> {
    // Those that are handed to another thread have no length any more when they are written.
    const bytes = bytesOf(chunks);
    await this.#appender.append(chunks, isEnd);
    this.#pendingBytes -= bytes;
    this.#options.onWritten?.();
    this.#flushing ??= this.#flushBehind();
  }

  #goOn(): void {
    this.#writes -= 1;
    this.#write(this.#options.leastBytes);
    this.#batchDone.resolve(undefined);
    this.#batchDone = Promise.withResolvers();
  }

  #writeSoon(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#write(1);
      if (this.#waitingBytes > 0 && this.#failure === undefined) this.#writeSoon();
    }, MAX_WAIT_MS).unref();
  }

  #flushBehind(): Promise<void> | undefined {
    const position = this.#staged.size;
    if (position - this.#flushedTo < this.#options.flushEveryBytes) return undefined;
    const flush = async (): Promise<void> => {
      try {
        await this.#staged.flush();
        this.#flushedTo = position;
        await this.#options.onFlushed?.(position);
      } catch (error) {
        this.#failure ??= { error };
      } finally {
        this.#flushing = undefined;
      }
    };
    return flush();
  }
}
