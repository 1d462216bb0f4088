import { failpoint } from '#libs/failpoint.ts';
import { parseDigest, type Digest } from '#libs/oci/digest.ts';
import { RegistryError } from '#libs/oci/errors.ts';
import type { Reclaim } from '#libs/rpc/contracts.ts';
import type { BlobUse } from '#types/meridian/v1/BlobUse.ts';
import { sizesOf } from '../blobs/publisher.ts';
import type { HeldBlob } from '../driver.ts';
import type { Epoch } from '../owner/epoch.ts';
import type { LineageStore } from '../owner/lineage.ts';
import { sweepBlob, type SweepContext } from './sweep.ts';

/** Digests of one call. */
const MAX_DIGESTS = 10_000;
/** Pins told of one blob. */
const MAX_PINS_TOLD = 10;

export interface ReclaimContext extends SweepContext {
  readonly epoch: Epoch;
  readonly lineage: LineageStore;
}

/** The contract of proto/meridian/v1/reclaim.proto. */
export function reclaimHandlers(context: ReclaimContext): Reclaim {
  const { unused, pins, epoch, lineage, clock } = context;
  return {
    review: async ({ unnamed, named, graceMs }) => {
      const digests = parseDigests(unnamed);
      const now = clock();
      await unused.forget(parseDigests(named));
      await unused.note(await held(context, digests), now, graceMs);
      const rows = digests.map((digest) => unused.find(digest));
      const noted = rows.filter((row) => row !== undefined);
      return {
        pinned: digests.filter((digest) => pins.protects(digest, { now, epoch: Infinity })).length,
        unused: noted.length,
        condemned: noted.filter(({ condemnedAt }) => condemnedAt !== null).length,
      };
    },

    due: async ({ graceMs, last, limit }) => ({
      blobs: unused.due({ last, limit: Math.min(limit, MAX_DIGESTS) }, clock(), graceMs),
    }),

    sweep: async ({ digests, epoch: to, graceMs }, { signal }) => {
      await epoch.raise(to);
      failpoint('collect.raised');
      await context.inventory.counted;
      const removed: HeldBlob[] = [];
      for (const digest of parseDigests(digests)) {
        signal.throwIfAborted();
        const blob = await sweepBlob(context, digest, { epoch: to, graceMs });
        if (blob !== undefined) removed.push(blob);
      }
      return { removed };
    },

    expirePins: async ({ epoch: before }) => ({ pins: await pins.expire(clock(), before) }),

    describe: async ({ digests }) => {
      const blobs = await held(context, parseDigests(digests));
      return { blobs: blobs.map((blob) => useOf(context, blob)) };
    },

    listPins: async ({ lastRepository: repository, lastDigest: digest, limit }) => ({
      pins: pins
        .list({ repository, digest }, Math.min(limit, MAX_DIGESTS), clock())
        .map((pin) => ({ ...pin })),
    }),

    getLineage: async () => lineage.get(),
    setLineage: async (known) => {
      await lineage.set(known);
      return {};
    },
  };
}

function useOf({ unused, pins, clock }: ReclaimContext, { digest, size }: HeldBlob): BlobUse {
  const row = unused.find(digest);
  return {
    digest,
    size,
    pins: pins.of(digest, MAX_PINS_TOLD, clock()),
    unusedSince: row?.unusedSince ?? 0,
    condemnedAt: row?.condemnedAt ?? 0,
  };
}

async function held({ driver }: ReclaimContext, digests: readonly Digest[]): Promise<HeldBlob[]> {
  const sizes = await sizesOf(driver, digests);
  return digests.flatMap((digest, index) => {
    const size = sizes[index];
    return size === undefined ? [] : [{ digest, size }];
  });
}

function parseDigests(texts: readonly string[]): Digest[] {
  if (texts.length <= MAX_DIGESTS) return texts.map(parseDigest);
  throw new RegistryError(
    'TOO_LARGE',
    `The call names ${texts.length} blobs; at most ${MAX_DIGESTS} are accepted.`,
  );
}
