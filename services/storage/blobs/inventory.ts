import type { Digest } from '#libs/oci/digest.ts';
import type { BlobReader, HeldBlob } from '../driver.ts';

/** How much is held, counted by looking at the start and now and then, and in between by what is published and removed. */
export interface Inventory {
  /** Before a blob can be seen: a count that comes by it must leave it to `added`. */
  adding(digest: Digest): void;
  added(blob: HeldBlob): void;
  /** Only once the first count has ended: it might not have come to the blob. */
  removed(blob: HeldBlob): void;
  /** Resolves when the first count has ended. */
  readonly counted: Promise<void>;
  /** While the first count runs, what it has come by so far. */
  totals(): { blobs: number; bytes: number };
  /** Grows with each blob removed, and with each recount that finds other blobs than there should be. */
  losses(): number;
  /** Looks for what came or went behind this service's back. A count during which something is published or removed says nothing, and is left. */
  recount(signal: AbortSignal): Promise<void>;
}

/** Starts to count in the background, until `signal` aborts; `onFault` hears why it could not go on. */
export function countInventory(
  reader: BlobReader,
  signal: AbortSignal,
  onFault: (error: unknown) => void,
): Inventory {
  const totals = { blobs: 0, bytes: 0 };
  let [changes, losses] = [0, 0];
  // What is published while the first count runs may come by in it, too.
  let addedMeanwhile: Set<Digest> | undefined = new Set();
  const count = async (): Promise<void> => {
    for await (const { digest, size } of reader.list(signal)) {
      if (addedMeanwhile?.has(digest) !== true) add(totals, size);
    }
    addedMeanwhile = undefined;
  };
  const counted = count().catch((error: unknown) => {
    if (!signal.aborted) onFault(error);
  });
  return {
    adding: (digest) => {
      addedMeanwhile?.add(digest);
    },
    added: ({ size }) => {
      changes += 1;
      add(totals, size);
    },
    removed: ({ size }) => {
      changes += 1;
      losses += 1;
      totals.blobs -= 1;
      totals.bytes -= size;
    },
    counted,
    totals: () => ({ ...totals }),
    losses: () => losses,
    recount: async (over) => {
      await counted;
      const before = changes;
      const found = { blobs: 0, bytes: 0 };
      for await (const { size } of reader.list(over)) add(found, size);
      const isSame = found.blobs === totals.blobs && found.bytes === totals.bytes;
      if (changes !== before || isSame) return;
      losses += 1;
      Object.assign(totals, found);
    },
  };
}

function add(sum: { blobs: number; bytes: number }, size: number): void {
  sum.blobs += 1;
  sum.bytes += size;
}
