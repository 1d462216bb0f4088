import { setTimeout as pause } from 'node:timers/promises';
import type { Leases, Release } from '#libs/cache/leases.ts';
import type { Storage } from '#libs/rpc/contracts.ts';
import { isHeld, isReadable } from './readable.ts';

/** So long the others wait when a process dies. A lease can't be prolonged; beyond it, it is the storage that tells of a copy. */
const LEASE_MS = 5_000;
const RETRY_MS = 200;

/**
 * Waits while another process of this region copies the blob. Gives what to call when this process's own copy is over, or undefined where
 * the other's has brought the blob. `isUrgent`: a client waits, whose own look at the storage has found nothing there.
 */
export async function untilSole(
  digest: string,
  { storage, leases }: { storage: Storage; leases: Leases },
  { isUrgent, onReadable }: { isUrgent: boolean; onReadable: () => void },
  signal: AbortSignal,
): Promise<Release | undefined> {
  for (let hasLooked = isUrgent; ; hasLooked = false) {
    const release = await leases.tryAcquire(`copy/${digest}`, LEASE_MS, signal);
    if (release !== undefined && (hasLooked || !(await isReadable(storage, digest, signal)))) return release;
    await release?.();
    if (await isHeld(storage, digest, signal)) return undefined;
    if (await isReadable(storage, digest, signal)) onReadable();
    await pause(RETRY_MS, undefined, { signal });
  }
}
