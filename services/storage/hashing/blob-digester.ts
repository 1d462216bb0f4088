import { availableParallelism } from 'node:os';
import { createDigester, type Digest, type Digester, type DigestAlgorithm } from '#libs/oci/digest.ts';
import { hashInThread, SLOT_BYTES, type ThreadHash } from './thread.ts';

/** Bytes that may wait to be hashed; whoever brings them waits for `room`. */
const MAX_WAITING_BYTES = 4 * SLOT_BYTES;
/** Beside what receives and writes, there must be a processor for it. */
const HAS_ROOM_FOR_THREAD = availableParallelism() > 1;

/**
 * Hashes a blob as it comes: what is small when it is complete, what turns out larger in a thread of its own, so that receiving it goes on
 * meanwhile. Chunks must not be changed after `update`.
 */
export class BlobDigester {
  readonly #algorithm: DigestAlgorithm;
  #here: Digester | undefined;
  #there: ThreadHash | undefined;
  #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  #handingOver: Promise<void> | undefined;
  /** The thread has ended, and with it what it knew. */
  #isLost = false;

  constructor(algorithm: DigestAlgorithm) {
    this.#algorithm = algorithm;
    if (!HAS_ROOM_FOR_THREAD) this.#here = createDigester(algorithm);
  }

  update(chunk: Uint8Array): void {
    if (this.#isLost) return;
    if (this.#here !== undefined) {
      this.#here.update(chunk);
      return;
    }
    this.#waiting.push(chunk);
    this.#waitingBytes += chunk.length;
    if (this.#waitingBytes >= SLOT_BYTES) this.#handingOver ??= this.#handOver(SLOT_BYTES);
  }

  /** Waits until more may come. */
  async room(): Promise<void> {
    while (this.#waitingBytes > MAX_WAITING_BYTES && this.#handingOver !== undefined) await this.#handingOver;
  }

  /** Keeps no chunks any longer, for the next ones may come much later. To be waited for before `update` or `digest`. */
  async settle(): Promise<void> {
    await this.#handingOver;
    if (this.#there === undefined) this.#hashHere();
    else await this.#handOver(1);
  }

  /** Of all that came; to be called once, as the last. Undefined: it got lost, and the bytes have to be read again. */
  async digest(): Promise<Digest | undefined> {
    await this.settle();
    if (this.#isLost) return undefined;
    return this.#there?.digest().catch(() => undefined) ?? this.#hashHere().digest();
  }

  #hashHere(): Digester {
    this.#here ??= createDigester(this.#algorithm);
    for (const chunk of this.#waiting) this.#here.update(chunk);
    this.#forgetWaiting();
    return this.#here;
  }

  /** Gives the thread what waits, while it is at least so much. */
  async #handOver(leastBytes: number): Promise<void> {
    try {
      this.#there ??= hashInThread(this.#algorithm);
      while (this.#waitingBytes >= leastBytes) await this.#there.update(this.#take());
    } catch {
      this.#isLost = true;
      this.#forgetWaiting();
    } finally {
      this.#handingOver = undefined;
    }
  }

  /** The first of what waits, as much as one slot takes. */
  #take(): Uint8Array[] {
    const taken: Uint8Array[] = [];
    let room = SLOT_BYTES;
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
      const part = next.subarray(0, room);
      taken.push(part);
      room -= part.length;
      if (part.length < next.length) this.#waiting.unshift(next.subarray(part.length));
      if (room === 0) break;
    }
    this.#waitingBytes -= SLOT_BYTES - room;
    return taken;
  }

  #forgetWaiting(): void {
    this.#waiting = [];
    this.#waitingBytes = 0;
  }
}
