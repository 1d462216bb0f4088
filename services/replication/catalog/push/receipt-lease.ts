import type { Leases } from '#libs/etcd/store.ts';
import type { Clock } from '../collaborators.ts';

const TTL_SECONDS = 600;

/** A lease is given to new receipts this long, so that each receipt outlives its push's retries by far. */
const USED_FOR_MS = 300_000;

/** The lease that receipts hang on, shared by the pushes of some minutes; it is never kept alive, so receipts go by themselves. */
export interface ReceiptLease {
  id(signal: AbortSignal): Promise<string>;
  /** etcd says that this lease is gone: the next caller gets another one. */
  drop(id: string): void;
}

export function createReceiptLease(leases: Leases, clock: Clock): ReceiptLease {
  let current: { readonly id: string; readonly sinceMs: number } | undefined;
  return {
    id: async (signal) => {
      const sinceMs = clock.monotonicMs();
      if (current !== undefined && sinceMs - current.sinceMs < USED_FOR_MS) return current.id;
      // Two pushes at once may each get one; the spare goes with its time.
      const { id } = await leases.grant(TTL_SECONDS, signal);
      current = { id, sinceMs };
      return id;
    },
    drop: (id) => {
      if (current?.id === id) current = undefined;
    },
  };
}
