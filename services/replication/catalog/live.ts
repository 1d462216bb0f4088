import { setTimeout } from 'node:timers/promises';
import type { KeyValueStore, Leases } from '#libs/etcd/store.ts';
import type { Clock } from './collaborators.ts';
import { liveKey } from './keys.ts';
import { liveRecord } from './records.ts';

const TTL_SECONDS = 15;
const KEEP_ALIVE_EVERY_MS = 5_000;
const RETRY_MS = 1_000;
const REVOKE_TIMEOUT_MS = 1_000;

export interface LiveOptions {
  readonly etcd: KeyValueStore;
  readonly leases: Leases;
  readonly region: string;
  readonly process: string;
  readonly clock: Clock;
}

/**
 * Keeps `live/<region>/<process>` in etcd under a lease until `signal` aborts, then takes it away. For people and tools to see who runs: nothing
 * is decided by it, and it is no part of the catalog (no head is put).
 */
export async function stayLive(options: LiveOptions, signal: AbortSignal): Promise<void> {
  const { leases } = options;
  let lease: string | undefined;
  while (!signal.aborted) {
    try {
      lease ??= await announce(options, signal);
      const left = await leases.keepAlive(lease, signal);
      if (left === 0) lease = undefined;
      else await pause(KEEP_ALIVE_EVERY_MS, signal);
    } catch {
      // etcd is away or the lease is gone: a new one is the answer to both, and the old one ends by itself.
      lease = undefined;
      await pause(RETRY_MS, signal);
    }
  }
  if (lease !== undefined) await leases.revoke(lease, AbortSignal.timeout(REVOKE_TIMEOUT_MS)).catch(ignore);
}

async function announce(
  { etcd, leases, region, process, clock }: LiveOptions,
  signal: AbortSignal,
): Promise<string> {
  const { id } = await leases.grant(TTL_SECONDS, signal);
  const value = liveRecord.encode({ startedAtMs: Math.round(clock.nowMs()) });
  await etcd.txn({ then: [{ kind: 'put', key: liveKey(region, process), value, lease: id }] }, signal);
  return id;
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await setTimeout(ms, undefined, { signal }).catch(ignore);
}

function ignore(): void {
  // Stopping goes on in any case.
}
