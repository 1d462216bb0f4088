import type { StagedBytes } from './driver.ts';

export interface WriteBehindOptions {
  /** Bytes that may wait in memory for the disk. */
  readonly maxPendingBytes: number;
  /** How much may be written before it is made durable in the background. */
  readonly flushEveryBytes: number;
  /** Told each time that more bytes can be read. */
  readonly onWritten?: () => void;
  /** Told after a flush in the background that the bytes before `position` are durable. */
  readonly onFlushed?: (position: number) => Promise<void>;
}

/**
 * Writes to staged bytes while the producer goes on to receive and hash. The chunks that gather during one write go out together in the
 * next, and flushing runs beside writing, so that the last flush, which is the caller's, has little left to do. Chunks must not be changed after `push`.
 */
export class WriteBehind {
  readonly #staged: StagedBytes;
  readonly #options: WriteBehindOptions;
  #pending: Uint8Array[] = [];
  #pendingBytes = 0;
  #writing: Promise<void> | undefined;
  #flushing: Promise<void> | undefined;
  #flushedTo: number;
  #batchDone = Promise.withResolvers<undefined>();
  #failure: { error: unknown } | undefined;

  constructor(staged: StagedBytes, options: WriteBehindOptions) {
    this.#staged = staged;
    this.#options = options;
    this.#flushedTo = staged.size;
  }

  /** Takes a chunk and starts to write it. Await `room` after it. */
  push(chunk: Uint8Array): void {
    if (this.#failure !== undefined) return;
    this.#pending.push(chunk);
    this.#pendingBytes += chunk.length;
    this.#writing ??= this.#write();
  }

  /** Waits until another chunk may be pushed. Throws what the disk answered, if that was an error. */
  async room(): Promise<void> {
    while (this.#pendingBytes > this.#options.maxPendingBytes && this.#writing !== undefined)
      await this.#batchDone.promise;
    this.check();
  }

  /** Waits until nothing is under way any more; whether all went well, `check` says. */
  async idle(): Promise<void> {
    while (this.#writing !== undefined) await this.#writing;
    await this.#flushing;
  }

  /** Throws what the disk answered, if that was an error. */
  check(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  #wake(): void {
    this.#batchDone.resolve(undefined);
    this.#batchDone = Promise.withResolvers();
  }

  async #write(): Promise<void> {
    try {
      while (this.#pending.length > 0 && this.#failure === undefined) {
        const batch = this.#pending;
        this.#pending = [];
        await this.#staged.append(batch);
        this.#pendingBytes -= batch.reduce((sum, chunk) => sum + chunk.length, 0);
        this.#options.onWritten?.();
        this.#flushing ??= this.#flushBehind();
        this.#wake();
      }
    } catch (error) {
      this.#failure ??= { error };
    } finally {
      this.#writing = undefined;
      this.#wake();
    }
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
