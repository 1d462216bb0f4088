import type { Digest } from '#libs/oci/digest.ts';
import { abortable } from '../abortable.ts';
import type { BlobReader, HeldBlob } from '../driver.ts';

/** How much is held, counted once by looking and from then on by what is published. */
export interface Inventory {
  added(blob: HeldBlob): void;
  /** Waits for the first count. */
  totals(signal: AbortSignal): Promise<{ blobs: number; bytes: number }>;
}

/** Starts to count in the background, until `signal` aborts. */
export function countInventory(reader: BlobReader, signal: AbortSignal): Inventory {
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
  const counted = count();
  counted.catch(() => undefined);
  return {
    added: (blob) => {
      addedMeanwhile?.add(blob.digest);
      add(blob);
    },
    totals: async (caller) => {
      await abortable(counted, caller);
      return { ...totals };
    },
  };
}
