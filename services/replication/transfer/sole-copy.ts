import { setTimeout as pause } from 'node:timers/promises';
import type { Leases, Release } from '#libs/cache/leases.ts';
import type { Storage } from '#libs/rpc/contracts.ts';
import { isHeld, isReadable } from './readable.ts';

/** Leases can't be prolonged; when one ends early, the storage still takes only one copy at a time. */
const LEASE_MS = 15_000;
const RETRY_MS = 200;

/**
 * Waits while another process of this region copies the blob. Gives what to call when this process's own copy is over, or undefined where
 * the other's has brought the blob.
 */
export async function untilSole(
  digest: string,
  { storage, leases }: { storage: Storage; leases: Leases },
  onReadable: () => void,
  signal: AbortSignal,
): Promise<Release | undefined> {
  for (;;) {
    const release = await leases.tryAcquire(`copy/${digest}`, LEASE_MS, signal);
    if (release !== undefined) return release;
    if (await isHeld(storage, digest, signal)) return undefined;
    if (await isReadable(storage, digest, signal)) onReadable();
    await pause(RETRY_MS, undefined, { signal });
  }
}
