import { failpoint } from '#libs/failpoint.ts';
import type { Digest } from '#libs/oci/digest.ts';
import type { Ingests } from '../blobs/ingests.ts';
import type { Inventory } from '../blobs/inventory.ts';
import type { BlobReader, BlobRemover, HeldBlob } from '../driver.ts';
import type { KeyedMutex } from '../keyed-mutex.ts';
import type { Pins } from '../owner/pins.ts';
import type { UnusedBlobs } from '../owner/unused.ts';
import type { VerifiedBlobs } from '../owner/verified.ts';

export interface SweepContext {
  readonly driver: BlobReader & BlobRemover;
  readonly locks: KeyedMutex;
  readonly inventory: Inventory;
  readonly ingests: Ingests;
  readonly pins: Pins;
  readonly unused: UnusedBlobs;
  readonly verified: Pick<VerifiedBlobs, 'forget'>;
  readonly clock: () => number;
}

/** What still has to be true of a blob, under its lock, for it to go. */
export interface SweepTerms {
  /** Of the collection: a pin that carries it, or a later one, keeps the blob, expired or not. */
  readonly epoch: number;
  readonly graceMs: number;
}

/** Removes the blob if it is due; undefined where something has taken it back. A crash midway leaves the blob, or only a row about it. */
export function sweepBlob(
  { driver, locks, inventory, ingests, pins, unused, verified, clock }: SweepContext,
  digest: Digest,
  { epoch, graceMs }: SweepTerms,
): Promise<HeldBlob | undefined> {
  return locks.run([digest], async () => {
    const now = clock();
    const condemnedAt = unused.find(digest)?.condemnedAt ?? Infinity;
    if (condemnedAt > now - graceMs) return undefined;
    if (ingests.find(digest) !== undefined || pins.protects(digest, { now, epoch })) {
      await unused.forget([digest]);
      return undefined;
    }
    const size = await driver.stat(digest);
    if (size !== undefined) {
      await inventory.removing({ digest, size }, () => driver.remove(digest));
      failpoint('collect.unlinked');
    }
    await Promise.all([unused.forget([digest]), verified.forget(digest)]);
    return size === undefined ? undefined : { digest, size };
  });
}
