import { availableParallelism } from 'node:os';
import { createDigester, type Digest, type Digester, type DigestAlgorithm } from '#libs/oci/digest.ts';
import type { StagedBytes } from '../driver.ts';
import { bytesOf } from './chunks.ts';
import { writeInThread, type ThreadWriter } from './thread.ts';
import type { Appender } from './write-behind.ts';

/** With fewer bytes in all it doesn't pay to write and hash in another thread. */
export const LARGE_BYTES = 256 * 1024;
/** Beside what receives, there must be a processor for it. */
const HAS_ROOM_FOR_THREAD = availableParallelism() > 1;

/**
 * Writes a blob and hashes it on the way: what is small here, what is large in a thread of its own, so that receiving it goes on
 * meanwhile. Which of the two, its first chunks decide: those that are no end may be followed by any number.
 */
export class HashingWriter {
  readonly #algorithm: DigestAlgorithm;
  #here: Digester | undefined;
  #there: ThreadWriter | undefined;

  constructor(algorithm: DigestAlgorithm) {
    this.#algorithm = algorithm;
  }

  /** Appends what comes next to the staged bytes, which may be opened anew in between. What fails leaves it without a digest. */
  to(staged: StagedBytes): Appender {
    const isThere = (): boolean => this.#there !== undefined;
    return {
      get depth() {
        return isThere() ? 2 : 1;
      },
      append: (chunks, isEnd) => this.#append(staged, chunks, isEnd),
    };
  }

  /** Of all that was appended; to be called once, as the last. Undefined: it got lost, and the bytes have to be read again. */
  async digest(): Promise<Digest | undefined> {
    return this.#there?.digest().catch(() => undefined) ?? this.#hashHere().digest();
  }

  async #append(staged: StagedBytes, chunks: readonly Uint8Array[], isEnd: boolean): Promise<void> {
    if (staged.appendThrough !== undefined && this.#isForThread(chunks, isEnd)) {
      this.#there ??= writeInThread(this.#algorithm);
      await staged.appendThrough(this.#there, chunks);
      return;
    }
    const written = staged.append(chunks);
    const digester = this.#hashHere();
    for (const chunk of chunks) digester.update(chunk);
    await written;
  }

  #isForThread(chunks: readonly Uint8Array[], isEnd: boolean): boolean {
    if (this.#there !== undefined) return true;
    if (this.#here !== undefined || !HAS_ROOM_FOR_THREAD) return false;
    return !isEnd || bytesOf(chunks) >= LARGE_BYTES;
  }

  #hashHere(): Digester {
    return (this.#here ??= createDigester(this.#algorithm));
  }
}
