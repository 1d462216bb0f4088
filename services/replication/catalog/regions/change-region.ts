import { RegistryError } from '#libs/oci/errors.ts';
import { quote } from '#libs/oci/quote.ts';
import type { Catalog } from '#libs/rpc/contracts.ts';
import type { ChangeRegionRequest } from '#types/meridian/v1/ChangeRegionRequest.ts';
import type { RegionRecord } from '../records.ts';
import { reachedWithin } from '../view/reached.ts';
import {
  changedByOthers,
  commitRegions,
  findRegion,
  MAX_ATTEMPTS,
  putRegion,
  readRegions,
  shown,
  type ClusterState,
  type KnownRegion,
  type RegionsOptions,
} from './cluster-regions.ts';
import { parseLabels } from './request.ts';
import { findShortfalls } from './shortfalls.ts';

/** `Catalog.ChangeRegion`. A change that leaves everything as it is writes nothing. */
export function createChangeRegion(options: RegionsOptions): Catalog['changeRegion'] {
  const { view, settings } = options;
  return async (request, { signal }) => {
    const { region, position } = await change(options, request, signal);
    await reachedWithin(view, position, settings.ownWriteTimeoutMs, signal);
    const shortfalls = await findShortfalls(view, signal);
    return { region: shown(region), position: { ...position, stalenessMs: 0 }, added: false, shortfalls };
  };
}

async function change(
  options: RegionsOptions,
  request: ChangeRegionRequest,
  signal: AbortSignal,
): Promise<{ region: KnownRegion; position: ClusterState['position'] }> {
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    const state = await readRegions(options.etcd, signal);
    const region = findRegion(state, request.region);
    const next = {
      ...region,
      state: parseState(request.state) ?? region.state,
      labels: request.setsLabels ? parseLabels(request.labels) : region.labels,
    };
    if (next.state !== 'active') requireOther(state, region.name);
    if (next.state === region.state && !request.setsLabels) return { region, position: state.position };
    const operations = [putRegion(region.name, next)];
    const { succeeded, revision } = await commitRegions(options, state, { operations }, signal);
    if (succeeded) {
      return { region: { ...next, version: revision }, position: { ...state.position, revision } };
    }
  }
  throw changedByOthers();
}

/** Throws CONFLICT where no other region is active: there must be one that takes pushes. */
export function requireOther({ regions }: ClusterState, name: string): void {
  if (regions.some((region) => region.name !== name && region.state === 'active')) return;
  throw new RegistryError(
    'CONFLICT',
    `The region ${name} is the last active one of the cluster: without it nothing could be pushed. Add another region, or make one active, first.`,
  );
}

function parseState(text: string): RegionRecord['state'] | undefined {
  if (text === '') return undefined;
  if (text === 'active' || text === 'draining') return text;
  throw new RegistryError('REQUEST_INVALID', `The state is ${quote(text)}; expected "active" or "draining".`);
}
