import { parseDigest, type Digest } from '#libs/oci/digest.ts';
import { parseRepositoryName } from '#libs/oci/name.ts';
import type { Storage } from '#libs/rpc/contracts.ts';
import type { HeldBlob } from '../driver.ts';
import type { KeyedMutex } from '../keyed-mutex.ts';
import type { Epoch } from '../owner/epoch.ts';
import type { Pins } from '../owner/pins.ts';

/** The most repositories that one answer names. */
const MAX_OWNERS = 1_000;

export interface PinsContext {
  readonly locks: KeyedMutex;
  readonly pins: Pins;
  readonly epoch: Epoch;
  readonly clock: () => number;
}

/** The calls that find and end pins. `heldOf` gives those of the digests that are held whole. */
export function pinCalls(
  { locks, pins, epoch, clock }: PinsContext,
  heldOf: (digests: readonly Digest[]) => Promise<HeldBlob[]>,
): Pick<Storage, 'pins' | 'unpin' | 'pinOwners'> {
  return {
    pins: async ({ repository, digests: texts }) => {
      const digests = texts.map(parseDigest);
      const { pinned, givenUp } = pins.find(repository, digests, clock());
      return { blobs: await heldOf(pinned), givenUp };
    },

    unpin: async ({ repository, digests: texts }) => {
      const digests = texts.map(parseDigest);
      const name = parseRepositoryName(repository);
      // An upload or hold of the same blob comes wholly before or wholly after it.
      return locks.run(digests, async () => ({
        digests: await pins.giveUp(name, digests, epoch.current(), clock()),
      }));
    },

    pinOwners: async ({ digest: text, limit }) => {
      const digest = parseDigest(text);
      const [held] = await heldOf([digest]);
      if (held === undefined) return { repositories: [], size: 0 };
      const repositories = pins.owners(digest, Math.min(Math.max(0, limit), MAX_OWNERS), clock());
      return { repositories, size: repositories.length === 0 ? 0 : held.size };
    },
  };
}
