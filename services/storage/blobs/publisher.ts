import { failpoint } from '#libs/failpoint.ts';
import type { Digest } from '#libs/oci/digest.ts';
import type { BlobReader, BlobWriter, HeldBlob, StagingArea } from '../driver.ts';
import type { KeyedMutex } from '../keyed-mutex.ts';
import type { Inventory } from './inventory.ts';

export interface PublisherContext {
  readonly driver: BlobReader & BlobWriter;
  readonly locks: KeyedMutex;
  readonly inventory: Inventory;
  /** Hears of each blob that was not held. */
  readonly onCome: (digest: Digest) => Promise<void>;
  /** Pins blobs, durably, and gives the epoch that the pins carry; does nothing for the repository ''. */
  readonly pin: (holder: PinHolder, blobs: readonly HeldBlob[]) => Promise<number>;
}

/** Whom a blob is pinned for; '' is nobody. */
export interface PinHolder {
  readonly repository: string;
  /** The pin only comes along, as with a copy from another region: it does not bring back what the repository has given up meanwhile. */
  readonly unlessGivenUp: boolean;
}

/** The one way in which blobs come into being. */
export class Publisher {
  readonly #context: PublisherContext;

  constructor(context: PublisherContext) {
    this.#context = context;
  }

  /**
   * Makes staged bytes, verified and flushed, a blob pinned for the repository; both are durable when it resolves. Where the blob is held
   * already, the staged bytes are removed. Succeeds again when repeated.
   */
  publish(area: StagingArea, name: string, blob: HeldBlob, holder: PinHolder): Promise<void> {
    const { driver, locks, inventory, onCome, pin } = this.#context;
    return locks.run([blob.digest], async () => {
      const publish = async (): Promise<void> => {
        if ((await driver.stat(blob.digest)) !== undefined) {
          await driver.discard(area, name);
          return;
        }
        await inventory.adding(blob, () => driver.publish(area, name, blob.digest));
        failpoint('blob.published');
        await onCome(blob.digest);
      };
      // Side by side: should a crash keep only one of them, that is a blob nobody names, or a pin of a blob that isn't held.
      const pinned = async (): Promise<void> => {
        await pin(holder, [blob]);
        failpoint('blob.pinned');
      };
      const outcomes = await Promise.allSettled([publish(), pinned()]);
      for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
      failpoint('blob.stored');
    });
  }

  /** Pins those of the blobs that are held with the size named, under their locks; gives the others, and the epoch that the pins carry. */
  hold(holder: PinHolder, blobs: readonly HeldBlob[]): Promise<{ missing: HeldBlob[]; epoch: number }> {
    const { driver, locks, pin } = this.#context;
    return locks.run(
      blobs.map(({ digest }) => digest),
      async () => {
        const sizes = await sizesOf(
          driver,
          blobs.map(({ digest }) => digest),
        );
        const held = blobs.filter(({ size }, index) => sizes[index] === size);
        const epoch = await pin(holder, held);
        failpoint('hold.pinned');
        return { missing: blobs.filter(({ size }, index) => sizes[index] !== size), epoch };
      },
    );
  }
}

/** Files that are looked at together. */
const STAT_BATCH = 64;

/** The sizes of blobs, in the digests' order; undefined for what is not held. */
export async function sizesOf(
  reader: BlobReader,
  digests: readonly HeldBlob['digest'][],
): Promise<(number | undefined)[]> {
  const sizes: (number | undefined)[] = [];
  for (let start = 0; start < digests.length; start += STAT_BATCH) {
    const batch = digests.slice(start, start + STAT_BATCH);
    sizes.push(...(await Promise.all(batch.map((digest) => reader.stat(digest)))));
  }
  return sizes;
}
