import type { Digest } from '#libs/oci/digest.ts';
import type { Storage } from '#libs/rpc/contracts.ts';
import { parseKnown, parsePrefixes } from '#libs/summary-question.ts';
import { changedSummaries } from '#libs/summary-walk.ts';
import type { BlobReader, HeldBlob } from '../driver.ts';
import type { Inventory } from './inventory.ts';

export interface SummaryContext {
  readonly driver: Pick<BlobReader, 'list'>;
  readonly inventory: Inventory;
}

/** Summaries of all that is held; `heldOf` gives those of the digests that are held whole, durably. */
export function summaryCalls(
  { driver, inventory }: SummaryContext,
  heldOf: (digests: readonly Digest[]) => Promise<HeldBlob[]>,
): Pick<Storage, 'summarize' | 'listUnder'> {
  return {
    summarize: async ({ known }) => {
      const asked = parseKnown(known);
      await inventory.counted;
      return { changed: changedSummaries(inventory.summary, asked) };
    },

    listUnder: async ({ prefixes }, { signal }) => {
      const digests: Digest[] = [];
      for (const prefix of new Set(parsePrefixes(prefixes, [4]))) {
        for await (const { digest } of driver.list(signal, prefix)) digests.push(digest);
      }
      return { blobs: await heldOf(digests) };
    },
  };
}
