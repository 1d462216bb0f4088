import { failpoint } from '#libs/failpoint.ts';
import { RegistryError } from '#libs/oci/errors.ts';
import type { Storage } from '#libs/rpc/contracts.ts';
import { putParts } from '#libs/rpc/put-parts.ts';
import type { OnPeerBytes } from '#libs/telemetry/metrics/replication.ts';
import type { BlobsHeld } from '#types/meridian/v1/BlobsHeld.ts';
import type { HoldContent } from '#types/meridian/v1/HoldContent.ts';
import type { PutHeader } from '#types/meridian/v1/PutHeader.ts';
import type { Fetcher } from './fetch.ts';
import type { HeldLately } from './held-lately.ts';

/** Blobs of one Hold that are fetched at the same time; how many of these run is for the turns to say. */
const MAX_FETCHES_PER_HOLD = 32;

export interface HoldOptions {
  readonly storage: Storage;
  readonly fetcher: Fetcher;
  readonly heldLately: HeldLately;
  readonly holdTimeoutMs: number;
  readonly onPeerBytes: OnPeerBytes;
  /** The region's collection epoch as the catalog has it. */
  readonly epoch: () => number;
}

/**
 * Fetches what this region's storage misses of the content and what has not come along, from `from` first, and pins all of it. `missing` names
 * what could not be had within `holdTimeoutMs`; copies under way go on, so that a repeat is quick. Throws only for faults of the storage and
 * when `signal` aborts.
 */
export async function holdContent(
  content: HoldContent,
  { storage, fetcher, heldLately, holdTimeoutMs, epoch, onPeerBytes }: HoldOptions,
  signal: AbortSignal,
): Promise<BlobsHeld> {
  const { pushId, repository, blobs, from, along } = content;
  const hold = async (): Promise<BlobsHeld> => {
    const request = { pushId, repository, blobs, epoch: epoch(), unlessGivenUp: false };
    const held = await storage.hold(request, { signal });
    if (held.missing.length === 0) heldLately.note(blobs);
    return held;
  };
  const before = await hold();
  if (before.missing.length === 0) return before;

  const missing = new Set(before.missing);
  const toFetch = blobs.filter(({ digest }) => missing.has(digest)).values();
  const deadline = AbortSignal.any([signal, AbortSignal.timeout(holdTimeoutMs)]);
  const isPut = async (blob: PutHeader): Promise<boolean> => {
    const data = along.find(({ digest }) => digest === blob.digest)?.data;
    if (data === undefined) return false;
    onPeerBytes(from, 'received', data.length);
    return put(blob, data, storage, deadline);
  };
  const fetchNext = async (): Promise<void> => {
    for (const { digest, size } of toFetch) {
      if (deadline.aborted) return;
      try {
        if (await isPut({ repository, digest, size })) continue;
        await fetcher.fetch({ repository, digest, size, from, priority: 'client' }).held(deadline);
      } catch (error) {
        // What is not here afterwards is named by the second look; the others are worth fetching all the same.
        if (!isExpected(error, deadline)) throw error;
      }
    }
  };
  await Promise.all(Array.from({ length: MAX_FETCHES_PER_HOLD }, fetchNext));
  signal.throwIfAborted();
  failpoint('hold.fetched');
  return hold();
}

/** False where it can't be, as when the bytes are not those of the digest. */
async function put(header: PutHeader, data: Buffer, storage: Storage, signal: AbortSignal): Promise<boolean> {
  try {
    await storage.put(putParts(header, data), { signal });
    return true;
  } catch (error) {
    if (!isExpected(error, signal)) throw error;
    return false;
  }
}

function isExpected(error: unknown, deadline: AbortSignal): boolean {
  return deadline.aborted || error instanceof RegistryError;
}
