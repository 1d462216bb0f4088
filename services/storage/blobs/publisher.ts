import type { BlobReader, BlobWriter, HeldBlob, StagingArea } from '../driver.ts';
import type { KeyedMutex } from '../keyed-mutex.ts';
import type { Inventory } from './inventory.ts';

export interface PublisherContext {
  readonly driver: BlobReader & BlobWriter;
  readonly locks: KeyedMutex;
  readonly inventory: Inventory;
  /** Pins blobs, durably; does nothing for the repository ''. */
  readonly pin: (repository: string, blobs: readonly HeldBlob[]) => Promise<void>;
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
  publish(area: StagingArea, name: string, blob: HeldBlob, repository: string): Promise<void> {
    const { driver, locks, inventory, pin } = this.#context;
    return locks.run([blob.digest], async () => {
      const publish = async (): Promise<void> => {
        if ((await driver.stat(blob.digest)) !== undefined) {
          await driver.discard(area, name);
          return;
        }
        await driver.publish(area, name, blob.digest);
        inventory.added(blob);
      };
      // Side by side: should a crash keep only one of them, that is a blob nobody names, or a pin of a blob that isn't held.
      const outcomes = await Promise.allSettled([publish(), pin(repository, [blob])]);
      for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
    });
  }

  /** Pins those of the blobs that are held with the size named, under their locks; gives the others. */
  hold(repository: string, blobs: readonly HeldBlob[]): Promise<HeldBlob[]> {
    const { driver, locks, pin } = this.#context;
    return locks.run(
      blobs.map(({ digest }) => digest),
      async () => {
        const sizes = await sizesOf(
          driver,
          blobs.map(({ digest }) => digest),
        );
        const held = blobs.filter(({ size }, index) => sizes[index] === size);
        await pin(repository, held);
        return blobs.filter(({ size }, index) => sizes[index] !== size);
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
