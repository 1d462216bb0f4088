import { RegistryError } from '#libs/oci/errors.ts';
import type { Catalog } from '#libs/rpc/contracts.ts';
import type { ClusterRegion } from '#types/meridian/v1/ClusterRegion.ts';
import type { MemoryQuorum } from './catalog-state.ts';
import type { MemoryView } from './view.ts';

type RegionCalls = Pick<Catalog, 'listRegions' | 'addRegion' | 'changeRegion' | 'removeRegion'>;

/** The calls about the cluster's regions; of the rules, those that front ends show. */
export function memoryRegionCalls({ regions }: MemoryQuorum, view: MemoryView): RegionCalls {
  const find = (name: string): ClusterRegion => {
    const found = regions.get(name);
    if (found === undefined) throw new RegistryError('NAME_UNKNOWN', `There is no region "${name}".`);
    return found;
  };
  const answer = (region: ClusterRegion, added = false) => {
    return { region, added, position: view.position(), shortfalls: [] };
  };
  return {
    listRegions: async () => ({ regions: [...regions.values()], position: view.position() }),
    addRegion: async ({ region, endpoint, labels }) => {
      const added = !regions.has(region);
      if (added) regions.set(region, { region, endpoint, labels, state: 'active', version: 1 });
      return answer(find(region), added);
    },
    changeRegion: async ({ region, state, setsLabels, labels }) => {
      const before = find(region);
      const after = { ...before, state: state || before.state, labels: setsLabels ? labels : before.labels };
      regions.set(region, { ...after, version: before.version + 1 });
      return answer(find(region));
    },
    removeRegion: async ({ region, version, force }) => {
      const found = find(region);
      if (!force && version !== found.version)
        throw new RegistryError('CONFLICT', 'It was changed meanwhile.');
      regions.delete(region);
      return answer(found);
    },
  };
}
