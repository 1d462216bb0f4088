import { prefixEnd } from '#libs/etcd/prefix.ts';
import { RegistryError } from '#libs/oci/errors.ts';
import type { Catalog } from '#libs/rpc/contracts.ts';
import type { RemoveRegionRequest } from '#types/meridian/v1/RemoveRegionRequest.ts';
import type { Shortfall } from '#types/meridian/v1/Shortfall.ts';
import { lagging } from '../barrier.ts';
import { gcKey, liveKey, regionKey } from '../keys.ts';
import { reachedWithin } from '../view/reached.ts';
import { requireOther } from './change-region.ts';
import {
  changedByOthers,
  commitRegions,
  findRegion,
  MAX_ATTEMPTS,
  readRegions,
  shown,
  type ClusterState,
  type KnownRegion,
  type RegionsOptions,
} from './cluster-regions.ts';
import { findShortfalls, tellShortfalls } from './shortfalls.ts';

interface Removed {
  readonly region: KnownRegion;
  readonly position: ClusterState['position'];
  readonly shortfalls: Shortfall[];
}

/** `Catalog.RemoveRegion`. Pushes that have counted the region compare its record, so they begin again. */
export function createRemoveRegion(options: RegionsOptions): Catalog['removeRegion'] {
  const { view, settings } = options;
  return async (request, { signal }) => {
    const { region, position, shortfalls } = await remove(options, request, signal);
    await reachedWithin(view, position, settings.ownWriteTimeoutMs, signal);
    return { region: shown(region), position: { ...position, stalenessMs: 0 }, added: false, shortfalls };
  };
}

async function remove(
  options: RegionsOptions,
  { region: name, version, force }: RemoveRegionRequest,
  signal: AbortSignal,
): Promise<Removed> {
  const { etcd, view, settings } = options;
  /** By an attempt whose answer was lost. */
  let removed: Removed | undefined;
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    const state = await readRegions(etcd, signal);
    if (removed !== undefined && !state.regions.some((region) => region.name === name)) return removed;
    const region = findRegion(state, name);
    requireOther(state, name);
    if (version !== 0 && version !== region.version) throw changed(region);
    if (!(await reachedWithin(view, state.position, settings.barrierTimeoutMs, signal))) {
      throw lagging(state.position.revision, view.position().revision);
    }
    const others = state.regions.filter((other) => other.name !== name && other.state === 'active');
    const left = others.map((other) => other.name);
    const shortfalls = await findShortfalls(view, signal, left);
    if (shortfalls.length > 0 && !force) throw tooFew(name, left.length, shortfalls);
    const live = liveKey(name, '');
    const { succeeded, revision, uncertain } = await commitRegions(
      options,
      state,
      {
        operations: [
          { kind: 'delete', key: regionKey(name) },
          { kind: 'delete', key: gcKey(name) },
          { kind: 'delete', key: live, rangeEnd: prefixEnd(live) },
        ],
      },
      signal,
    );
    const outcome = { region, position: { ...state.position, revision }, shortfalls };
    if (succeeded) return outcome;
    if (uncertain) removed = outcome;
  }
  throw changedByOthers();
}

function changed({ name }: KnownRegion): RegistryError {
  return new RegistryError(
    'CONFLICT',
    `The region ${name} was changed while it was looked at whether it can go; try again.`,
    { retryAfterSeconds: 1 },
  );
}

function tooFew(name: string, left: number, shortfalls: Shortfall[]): RegistryError {
  return new RegistryError(
    'CONFLICT',
    `Without the region ${name} there are ${left} active regions, but a push must be durable in more: ${tellShortfalls(shortfalls)}. Lower the ` +
      'durability, place them in other regions, add a region, or remove it with ?force=true: then those pushes fail until one of these is done.',
    { detail: { reason: 'durability', activeRegions: left, shortfalls } },
  );
}
