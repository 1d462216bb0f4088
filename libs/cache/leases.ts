import type { Counters } from './counters.ts';

/** Gives a lease back before it ends by itself; once is enough, and it never rejects. */
export type Release = () => Promise<void>;

/**
 * Short leases that the processes of one region share, so that they do the same work once: a hint, never a lock that
 * correctness rests on. What can't be decided in time counts as acquired: then the work is done twice, no harm done.
 */
export interface Leases {
  /** Takes the lease of `key` for `ttlMs`, undefined while another holder has it. Rejects only when `signal` aborts. */
  tryAcquire(key: string, ttlMs: number, signal: AbortSignal): Promise<Release | undefined>;
}

/** A region's shared scratch space. Never an authority: losing it loses nothing. */
export interface SharedCache extends Leases, Counters {
  /** Rejects with a sentence where the cache can't be used now; for readiness and its operators. */
  ping(signal: AbortSignal): Promise<void>;
  /** Closes its connections. Leases held are left to end by themselves. */
  close(): Promise<void>;
}
