import { setTimeout as sleep } from 'node:timers/promises';
import type { Catalog } from '#libs/rpc/contracts.ts';
import type { CatalogCache } from './catalog-cache.ts';

/**
 * Feeds the cache with the frames of one replication process, opening the stream again whenever it ends, until `signal` aborts.
 * While there is none the cache ages and serves nothing.
 */
export async function followCatalog(options: {
  catalog: Pick<Catalog, 'follow'>;
  cache: CatalogCache;
  retryMs: number;
  signal: AbortSignal;
}): Promise<void> {
  const { catalog, cache, retryMs, signal } = options;
  while (!signal.aborted) {
    try {
      let first = true;
      for await (const frame of catalog.follow({}, { signal })) {
        cache.apply(first ? { ...frame, reset: true } : frame);
        first = false;
      }
    } catch {
      // An ended stream needs no word of its own: answers now come from the catalog, and their failures are told.
    }
    await sleep(retryMs, undefined, { signal }).catch(() => undefined);
  }
}
