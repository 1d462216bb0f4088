import type { KeyValueStore } from '#libs/etcd/store.ts';
import type { Catalog } from '#libs/rpc/contracts.ts';
import { readRegions, shown } from './cluster-regions.ts';

/** `Catalog.ListRegions`. */
export function createListRegions({ etcd }: { readonly etcd: KeyValueStore }): Catalog['listRegions'] {
  return async (_request, { signal }) => {
    const { position, regions } = await readRegions(etcd, signal);
    return { regions: regions.map(shown), position: { ...position, stalenessMs: 0 } };
  };
}
