import type { LeaseService } from './contract.ts';
import { responseHeader } from './header.ts';
import type { Leases } from './leases.ts';
import type { Store } from './store.ts';

/** etcd's Lease service. */
export function createLeaseService(store: Store, leases: Leases): LeaseService {
  return {
    leaseGrant: async ({ ID, TTL }, { signal }) => {
      const lease = await leases.grant(ID, TTL, signal);
      return { header: responseHeader(store), ID: lease.id, TTL: lease.ttlSeconds, error: '' };
    },
    leaseRevoke: async ({ ID }, { signal }) => {
      await leases.revoke(ID, signal);
      return { header: responseHeader(store) };
    },
    async *leaseKeepAlive(requests) {
      for await (const { ID } of requests) yield { header: responseHeader(store), ID, TTL: leases.renew(ID) };
    },
    leaseTimeToLive: async ({ ID, keys }) => {
      const lease = leases.find(ID);
      const header = responseHeader(store);
      if (lease === undefined) return { header, ID, TTL: -1, grantedTTL: 0, keys: [] };
      const { leftSeconds, ttlSeconds } = lease;
      return { header, ID, TTL: leftSeconds, grantedTTL: ttlSeconds, keys: keys ? leases.keys(ID) : [] };
    },
  };
}
