import type { Storage, Transfer } from '#libs/rpc/contracts.ts';
import type { Content } from './reader.ts';

/** A smaller blob has come before anything could make way for it. */
const LEAST_BYTES = 64 * 1024;

/** Has a copy that began for nobody go first from now on, as what a client waits for; does nothing for what is held. */
export async function hurry(
  { repository, digest, size }: Content,
  { storage, transfer }: { storage: Pick<Storage, 'stat'>; transfer: Pick<Transfer, 'fetch'> },
  signal: AbortSignal,
): Promise<void> {
  if (size < LEAST_BYTES) return;
  const { blobs } = await storage.stat({ digests: [digest] }, { signal });
  if (blobs.length === 0) await transfer.fetch({ repository, digest, size }, { signal });
}
