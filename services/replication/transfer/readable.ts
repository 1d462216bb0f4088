import { setTimeout as pause } from 'node:timers/promises';
import type { Storage } from '#libs/rpc/contracts.ts';

const FIRST_PAUSE_MS = 2;
const MAX_PAUSE_MS = 100;
/** How often a copy that another process makes is looked at. */
const FOREIGN_COPY_PAUSE_MS = 200;

export async function isHeld(storage: Storage, digest: string, signal: AbortSignal): Promise<boolean> {
  const { blobs } = await storage.stat({ digests: [digest] }, { signal });
  return blobs.length > 0;
}

/**
 * Resolves once Storage.Read gives the first byte of a blob that is arriving. The storage does not say when it has taken up an Ingest,
 * so it is asked for that byte until it has it. Rejects only when `signal` aborts.
 */
export async function untilReadable(storage: Storage, digest: string, signal: AbortSignal): Promise<void> {
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(2 * pauseMs, MAX_PAUSE_MS)) {
    if (await isReadable(storage, digest, signal)) return;
    await pause(pauseMs, undefined, { signal });
  }
}

/** Waits while another process of this region copies a blob. True: it is held now. False: that copy came to nothing. */
export async function untilCopiedElsewhere(
  storage: Storage,
  digest: string,
  signal: AbortSignal,
): Promise<boolean> {
  for (;;) {
    if (await isHeld(storage, digest, signal)) return true;
    if (!(await isReadable(storage, digest, signal))) return false;
    await pause(FOREIGN_COPY_PAUSE_MS, undefined, { signal });
  }
}

/** Whether Storage.Read gives the blob's first byte; waits for it where the blob is arriving. */
export async function isReadable(storage: Storage, digest: string, signal: AbortSignal): Promise<boolean> {
  const firstByte = storage.read({ digest, offset: 0, length: 1 }, { signal })[Symbol.asyncIterator]();
  try {
    await firstByte.next();
    return true;
  } catch {
    signal.throwIfAborted();
    return false;
  } finally {
    await firstByte.return?.();
  }
}
