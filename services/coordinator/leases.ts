import { randomInt } from 'node:crypto';
import { etcdError, unsupported } from './errors.ts';
import type { GrantedLease, LeaseTable } from './lease-table.ts';
import type { Store } from './store.ts';

/** etcd's bounds at its default timing. */
const MIN_TTL_SECONDS = 2;
const MAX_TTL_SECONDS = 9_000_000_000;
/** How soon the end of a lease is noticed, and tried again if the disk refuses. */
const EXPIRY_INTERVAL_MS = 250;
const MAX_LEASE_ID = 2 ** 47;

export interface Leases {
  /** Id 0 lets the coordinator choose. Throws when the id is taken. */
  grant(id: number, ttlSeconds: number, signal: AbortSignal): Promise<GrantedLease>;
  /** Starts its time again and gives it, in seconds; 0 where there is no such lease. */
  renew(id: number): number;
  /** Deletes the lease and its keys in one revision. */
  revoke(id: number, signal: AbortSignal): Promise<void>;
  find(id: number): (GrantedLease & { leftSeconds: number }) | undefined;
  keys(id: number): Buffer[];
}

export interface LeasesOptions {
  readonly store: Store;
  readonly table: LeaseTable;
  /** Monotonic milliseconds. */
  readonly now: () => number;
  /** Ends the watch over the leases' time. */
  readonly signal: AbortSignal;
  readonly onFault: (error: unknown) => void;
}

/** Leases whose time is kept in memory: after a restart each has its whole time again, as in etcd. */
export function openLeases({ store, table, now, signal, onFault }: LeasesOptions): Leases {
  const running = new Map<number, GrantedLease & { deadline: number }>();
  const start = (lease: GrantedLease): void => {
    running.set(lease.id, { ...lease, deadline: now() + lease.ttlSeconds * 1000 });
  };
  for (const lease of table.all()) start(lease);

  const revoke = async (id: number, callSignal: AbortSignal): Promise<void> => {
    await store.write((writer) => {
      if (!table.has(id)) throw etcdError.leaseNotFound();
      for (const key of store.history.keysOfLease(id, writer.revision()))
        writer.delete({ shape: 'one', bounds: [key] });
      table.remove(id);
    }, callSignal);
    running.delete(id);
  };
  const expire = async (): Promise<void> => {
    const over = [...running.values()].filter(({ deadline }) => deadline <= now());
    // Together, so that they share a commit; one that was revoked meanwhile is no fault.
    const results = await Promise.allSettled(over.map(({ id }) => revoke(id, signal)));
    for (const [index, result] of results.entries())
      if (result.status === 'rejected' && !signal.aborted && table.has(over[index]?.id ?? 0))
        onFault(result.reason);
  };
  const timer = setInterval(() => {
    expire().catch(onFault);
  }, EXPIRY_INTERVAL_MS);
  signal.addEventListener('abort', () => clearInterval(timer), { once: true });

  return {
    grant: async (id, ttlSeconds, callSignal) => {
      if (!Number.isSafeInteger(id) || id < 0) throw unsupported('lease ids beyond 2^53');
      if (ttlSeconds > MAX_TTL_SECONDS) throw etcdError.leaseTooLong();
      const lease = {
        id: id || randomInt(1, MAX_LEASE_ID),
        ttlSeconds: Math.max(ttlSeconds, MIN_TTL_SECONDS),
      };
      await store.write(() => {
        if (table.has(lease.id)) throw etcdError.leaseExists();
        table.add(lease);
      }, callSignal);
      start(lease);
      return lease;
    },
    renew: (id) => {
      const lease = running.get(id);
      if (lease === undefined || lease.deadline <= now()) return 0;
      start(lease);
      return lease.ttlSeconds;
    },
    revoke,
    find: (id) => {
      const lease = running.get(id);
      if (lease === undefined) return undefined;
      return { ...lease, leftSeconds: Math.max(0, Math.floor((lease.deadline - now()) / 1000)) };
    },
    keys: (id) => store.history.keysOfLease(id, store.state().revision),
  };
}
