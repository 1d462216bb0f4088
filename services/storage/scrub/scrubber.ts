import type { Digest } from '#libs/oci/digest.ts';
import type { BlobDamage } from '#types/meridian/v1/BlobDamage.ts';
import type { Inventory } from '../blobs/inventory.ts';
import type { BlobReader } from '../driver.ts';
import type { KeyedMutex } from '../keyed-mutex.ts';
import type { VerifiedBlobs } from '../owner/verified.ts';
import { createBytePace, type BytePace } from './byte-pace.ts';
import { examineBlob, type Finding } from './examine.ts';
import type { Quarantine } from './quarantine.ts';

export interface ScrubberContext {
  readonly driver: BlobReader;
  readonly quarantine: Pick<Quarantine, 'take'>;
  readonly locks: KeyedMutex;
  readonly inventory: Inventory;
  readonly verified: Pick<VerifiedBlobs, 'noteDamaged'>;
  /** Milliseconds since 1970. */
  readonly clock: () => number;
  readonly settings: { readonly readChunkBytes: number };
  /** Hears of each blob that has gone into quarantine. */
  readonly onDamaged: (damage: BlobDamage) => void;
  readonly onFault: (error: unknown) => void;
}

/** Suspects that wait to be looked at; more are left to the rounds. */
const MAX_SUSPECTS = 1_000;

/** Looks whether blobs are what their digests say, and takes those that are not out of the way. */
export class Scrubber {
  readonly #context: ScrubberContext;
  readonly #running = new Map<Digest, Promise<Finding>>();
  readonly #unlimited: BytePace = createBytePace(0, () => performance.now());

  constructor(context: ScrubberContext) {
    this.#context = context;
  }

  /** Re-hashes the blob; whoever asks while that goes on gets the same answer. One that is damaged is not held any more when it resolves. */
  async check(digest: Digest, pace: BytePace, signal: AbortSignal): Promise<Finding> {
    const joined = this.#running.get(digest);
    if (joined !== undefined) {
      const finding = await joined.catch(() => undefined);
      if (finding !== undefined) return finding;
    }
    const checking = this.#check(digest, pace, signal).finally(() => this.#running.delete(digest));
    this.#running.set(digest, checking);
    return checking;
  }

  /** For who met a blob that could not be read as it should: looks at it at once. */
  suspect(digest: Digest, signal: AbortSignal): void {
    if (this.#running.has(digest) || this.#running.size >= MAX_SUSPECTS) return;
    this.check(digest, this.#unlimited, signal).catch((error: unknown) => {
      if (!signal.aborted) this.#context.onFault(error);
    });
  }

  async #check(digest: Digest, pace: BytePace, signal: AbortSignal): Promise<Finding> {
    const { driver, quarantine, locks, inventory, verified, clock, settings, onDamaged } = this.#context;
    const chunkBytes = settings.readChunkBytes;
    const first = await examineBlob(driver, digest, { chunkBytes, pace }, signal);
    if (first.state !== 'damaged') return first;
    await inventory.counted;
    let atMs = 0;
    const finding = await locks.run([digest], async () => {
      // Once more with nobody else at it: it may be another file by now, and no whole blob is to go for one bad read.
      const again = await examineBlob(driver, digest, { chunkBytes, pace: this.#unlimited }, signal);
      if (again.state !== 'damaged') return again;
      const blob = { digest, size: again.size };
      atMs = clock();
      await inventory.removing(blob, () => quarantine.take(blob));
      await verified.noteDamaged(blob, atMs);
      return again;
    });
    if (finding.state === 'damaged') {
      // It may have been counted with another size.
      await inventory.recount(signal, digest);
      onDamaged({ digest, size: finding.size, why: finding.why, atMs });
    }
    return finding;
  }
}
