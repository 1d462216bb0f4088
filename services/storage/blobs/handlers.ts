import { parseDigest, type Digest } from '#libs/oci/digest.ts';
import { RegistryError } from '#libs/oci/errors.ts';
import { parseRepositoryName } from '#libs/oci/name.ts';
import type { Storage } from '#libs/rpc/contracts.ts';
import type { HeldBlob, StorageDriver } from '../driver.ts';
import type { KeyedMutex } from '../keyed-mutex.ts';
import type { Epoch } from '../owner/epoch.ts';
import type { Pins } from '../owner/pins.ts';
import type { UploadRows } from '../owner/uploads.ts';
import { withParts } from '../parts.ts';
import type { Quarantine } from '../scrub/quarantine.ts';
import type { StorageSettings } from '../settings.ts';
import { ingestBlob } from './ingest.ts';
import type { OpenBlobs } from './open-blobs.ts';
import { pinCalls } from './pin-calls.ts';
import type { Ingests } from './ingests.ts';
import type { Inventory } from './inventory.ts';
import { summaryCalls } from './summary-calls.ts';
import { sizesOf, type Publisher } from './publisher.ts';
import { putBlob } from './put.ts';
import { blobUnknown, readBlob } from './read.ts';

export interface BlobsContext {
  readonly driver: StorageDriver;
  readonly opened: OpenBlobs;
  readonly settings: StorageSettings;
  readonly publisher: Publisher;
  readonly ingests: Ingests;
  readonly inventory: Inventory;
  readonly locks: KeyedMutex;
  readonly pins: Pins;
  readonly rows: UploadRows;
  readonly epoch: Epoch;
  readonly suspect: (digest: Digest) => void;
  readonly quarantine: Pick<Quarantine, 'totals'>;
  readonly clock: () => number;
}

/** The contract of proto/meridian/v1/storage.proto. */
export function storageHandlers(context: BlobsContext): Storage {
  const { driver, settings, publisher, ingests } = context;
  return {
    put: (parts, { signal }) =>
      withParts(
        parts,
        ({ header }) => header,
        signal,
        async (header, data) => {
          const repository = parseRepository(header.repository);
          return putBlob(
            { driver, publisher, maxPutBytes: settings.maxPutBytes },
            parseBlob(header),
            repository,
            data,
          );
        },
      ),

    ingest: async (parts, { signal }) => {
      const declare = ingests.announce();
      try {
        return await withParts(
          parts,
          ({ header }) => header,
          signal,
          async (header, data) => {
            const { digest, size } = parseBlob(header);
            const repository = parseRepository(header.repository);
            const ingested = ingests.run(digest, size, (arrival) =>
              ingestBlob({ driver, publisher, settings }, arrival, repository, data),
            );
            declare();
            return ingested;
          },
        );
      } finally {
        declare();
      }
    },

    stat: async ({ digests }) => ({ blobs: await heldOf(context, digests.map(parseDigest)) }),

    read: (request, { signal }) => readBlob(context, request, signal),

    locate: async ({ digest: text }) => {
      const digest = parseDigest(text);
      const [held] = await heldOf(context, [digest]);
      if (held === undefined) throw blobUnknown(digest);
      return { ...driver.locate(digest), size: held.size };
    },

    list: (_, { signal }) => driver.list(signal),

    ...summaryCalls(context, (digests) => heldOf(context, digests)),

    hold: async ({ repository, blobs, epoch: known, unlessGivenUp }) => {
      await context.epoch.raise(known);
      const holder = { repository: parseRepositoryName(repository), unlessGivenUp };
      const { missing, epoch } = await publisher.hold(holder, blobs.map(parseBlob));
      return { epoch, missing: missing.map(({ digest }) => digest) };
    },

    ...pinCalls(context, (digests) => heldOf(context, digests)),

    stats: async () => ({
      ...context.inventory.totals(),
      quarantineBlobs: context.quarantine.totals().blobs,
      quarantineBytes: context.quarantine.totals().bytes,
      quarantineLifetimeMs: settings.quarantineLifetimeMs,
      maxQuarantineBytes: settings.maxQuarantineBytes,
      uploads: context.rows.count(),
      freeBytes: await driver.freeBytes(),
    }),
  };
}

/** Those of the digests that are held whole, durably. */
async function heldOf({ driver, locks }: BlobsContext, digests: readonly Digest[]): Promise<HeldBlob[]> {
  // A blob that is being published may be seen before its directory is on disk.
  await Promise.all(digests.map((digest) => locks.idle(digest)));
  const sizes = await sizesOf(driver, digests);
  return digests.flatMap((digest, index) => {
    const size = sizes[index];
    return size === undefined ? [] : [{ digest, size }];
  });
}

function parseBlob({ digest, size }: { digest: string; size: number }): HeldBlob {
  if (Number.isSafeInteger(size) && size >= 0) return { digest: parseDigest(digest), size };
  throw new RegistryError(
    'SIZE_INVALID',
    `The size ${size} is not valid: expected a whole number of bytes, zero or more.`,
  );
}

/** '' stands for none. */
function parseRepository(text: string): string {
  return text === '' ? '' : parseRepositoryName(text);
}
