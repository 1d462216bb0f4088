import { RegistryError } from '#libs/oci/errors.ts';
import type { Storage } from '#libs/rpc/contracts.ts';

/** Throws UNAVAILABLE where a copy of `size` bytes would leave too little room on the store's disk. */
export type RequireRoom = (size: number, signal: AbortSignal) => Promise<void>;

/** Counting what is stored may be dear, and free space changes slowly beside the limit. */
const STATS_AGE_MS = 1_000;
const RETRY_AFTER_SECONDS = 30;

export function createRoomCheck(storage: Storage, minFreeBytes: number): RequireRoom {
  let freeBytes = 0;
  let measuredAt = -Infinity;
  return async (size, signal) => {
    if (performance.now() - measuredAt > STATS_AGE_MS) {
      ({ freeBytes } = await storage.stats({}, { signal }));
      measuredAt = performance.now();
    }
    if (freeBytes - size >= minFreeBytes) return;
    throw new RegistryError(
      'UNAVAILABLE',
      `This region's storage has only ${freeBytes} bytes free, too few for a copy of ${size} bytes. ` +
        'Free space there; until then such blobs are relayed from other regions.',
      { retryAfterSeconds: RETRY_AFTER_SECONDS },
    );
  };
}
