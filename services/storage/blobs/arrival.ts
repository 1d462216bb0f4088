import { abortable } from '#libs/abortable.ts';
import type { Digest } from '#libs/oci/digest.ts';
import { RegistryError } from '#libs/oci/errors.ts';
import { activeSpanContext, linkActiveSpan } from '#libs/telemetry/trace.ts';
import { chunkLength, readChunk, spanOf } from '../byte-range.ts';
import type { StagedBytes } from '../driver.ts';

/** How much of a blob's end readers wait for until its digest is verified; the whole of one that is smaller. */
export const WITHHELD_BYTES = 64 * 1024;

/**
 * A blob on its way into this region, for those who read it meanwhile. They read what is written from the staged bytes, each at its own
 * speed, and are woken as more comes; none of them slows the writer.
 */
export class Arrival {
  readonly digest: Digest;
  readonly size: number;
  readonly #staged = Promise.withResolvers<StagedBytes | undefined>();
  /** Readers may come from other traces than the bytes. */
  readonly #span = activeSpanContext();
  #users = 1;
  #state: 'arriving' | 'verified' | 'failed' = 'arriving';
  #change = Promise.withResolvers<undefined>();

  constructor(digest: Digest, size: number) {
    this.digest = digest;
    this.size = size;
  }

  /** For the writer: from now on there is something to read; undefined where the blob turns out to be held already. */
  begin(staged: StagedBytes | undefined): void {
    this.#staged.resolve(staged);
  }

  /** For the writer: there is more to read. */
  advance(): void {
    this.#change.resolve(undefined);
    this.#change = Promise.withResolvers();
  }

  /** For the writer: all bytes are there, and are the digest's. Who reads need not wait until they are on disk. */
  verified(): void {
    this.#state = 'verified';
    this.advance();
  }

  /** For the writer, last. Where nothing was verified, it resets the readers. */
  async end(): Promise<void> {
    if (this.#state === 'arriving') this.#state = 'failed';
    this.#staged.resolve(undefined);
    this.advance();
    await this.#release();
  }

  /** Whether more than `maxAhead` bytes are to come before those at `offset`. */
  async isFar(offset: number, maxAhead: number, signal: AbortSignal): Promise<boolean> {
    const staged = await abortable(this.#staged.promise, signal);
    return staged !== undefined && this.#state === 'arriving' && offset > staged.size + maxAhead;
  }

  /**
   * Waits until there is something to read, then gives the bytes as they come, in chunks of at most `chunkBytes`. Returns false, having
   * given nothing, where the blob is to be found among those held whole. UNAVAILABLE: the arrival failed. RANGE_INVALID as `spanOf`.
   */
  async *read(
    range: { readonly offset: number; readonly length: number },
    chunkBytes: number,
    signal: AbortSignal,
  ): AsyncGenerator<Buffer, boolean, undefined> {
    const { start, end } = spanOf(range, this.size);
    linkActiveSpan(this.#span);
    const staged = await abortable(this.#staged.promise, signal);
    this.#throwIfFailed();
    if (staged === undefined || this.#users === 0) return false;
    this.#users += 1;
    try {
      for (let position = start; position < end;) {
        const readable = Math.min(end, await this.#readableBeyond(position, staged, signal));
        const chunk = await readChunk(
          staged,
          position,
          chunkLength({ start, end: readable }, position, chunkBytes),
        );
        position += chunk.length;
        yield chunk;
      }
      // A blob without bytes has none to withhold; its end is.
      while (end === this.size && this.#state === 'arriving') await abortable(this.#change.promise, signal);
      this.#throwIfFailed();
      return true;
    } finally {
      await this.#release();
    }
  }

  async #readableBeyond(position: number, staged: StagedBytes, signal: AbortSignal): Promise<number> {
    for (;;) {
      signal.throwIfAborted();
      this.#throwIfFailed();
      if (this.#state === 'verified') return this.size;
      const readable = Math.min(staged.size, this.size - Math.min(WITHHELD_BYTES, this.size));
      if (readable > position) return readable;
      await abortable(this.#change.promise, signal);
    }
  }

  /** The last one closes the bytes. */
  async #release(): Promise<void> {
    this.#users -= 1;
    if (this.#users === 0) await (await this.#staged.promise)?.close();
  }

  #throwIfFailed(): void {
    if (this.#state !== 'failed') return;
    throw new RegistryError(
      'UNAVAILABLE',
      `The copy of ${this.digest} from another region broke off or was damaged, so what was read of it can't be trusted. Read it again.`,
      { retryAfterSeconds: 1 },
    );
  }
}
