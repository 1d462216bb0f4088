import type { Digest } from '#libs/oci/digest.ts';
import type { BlobReader, HeldBlob } from '../driver.ts';

/** How much is held, counted once by looking and from then on by what is published. */
export interface Inventory {
  added(blob: HeldBlob): void;
  /** While the first count runs, what it has come by so far. */
  totals(): { blobs: number; bytes: number };
}

/** Starts to count in the background, until `signal` aborts; `onFault` hears why it could not go on. */
export function countInventory(
  reader: BlobReader,
  signal: AbortSignal,
  onFault: (error: unknown) => void,
): Inventory {
  const totals = { blobs: 0, bytes: 0 };
  const add = ({ size }: HeldBlob): void => {
    totals.blobs += 1;
    totals.bytes += size;
  };
  // What is published while the count runs may come by in it, too.
  let addedMeanwhile: Set<Digest> | undefined = new Set();
  const count = async (): Promise<void> => {
    for await (const blob of reader.list(signal)) if (addedMeanwhile?.has(blob.digest) !== true) add(blob);
    addedMeanwhile = undefined;
  };
  count().catch((error: unknown) => {
    if (!signal.aborted) onFault(error);
  });
  return {
    added: (blob) => {
      addedMeanwhile?.add(blob.digest);
      add(blob);
    },
    totals: () => ({ ...totals }),
  };
}
