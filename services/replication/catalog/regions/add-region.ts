import { RegistryError } from '#libs/oci/errors.ts';
import type { Catalog } from '#libs/rpc/contracts.ts';
import { FIRST_EPOCH, MAX_REGIONS } from '../bootstrap.ts';
import type { Clock } from '../collaborators.ts';
import { gcKey, regionKey } from '../keys.ts';
import { gcRecord, type RegionRecord } from '../records.ts';
import { reachedWithin } from '../view/reached.ts';
import {
  changedByOthers,
  commitRegions,
  MAX_ATTEMPTS,
  putRegion,
  readRegions,
  shown,
  type ClusterState,
  type KnownRegion,
  type RegionsOptions,
} from './cluster-regions.ts';
import { parseEndpoint, parseLabels, parseRegionName } from './request.ts';
import { findShortfalls } from './shortfalls.ts';

export interface AddRegionOptions extends RegionsOptions {
  readonly clock: Clock;
}

interface Added {
  readonly region: KnownRegion;
  readonly position: ClusterState['position'];
  readonly added: boolean;
}

/** `Catalog.AddRegion`. */
export function createAddRegion(options: AddRegionOptions): Catalog['addRegion'] {
  const { view, settings } = options;
  return async (request, { signal }) => {
    const name = parseRegionName(request.region);
    const endpoint = parseEndpoint(request.endpoint);
    const labels = parseLabels(request.labels);
    const { region, position, added } = await add(options, name, { endpoint, labels }, signal);
    await reachedWithin(view, position, settings.ownWriteTimeoutMs, signal);
    const shortfalls = await findShortfalls(view, signal);
    return { region: shown(region), position: { ...position, stalenessMs: 0 }, added, shortfalls };
  };
}

async function add(
  options: AddRegionOptions,
  name: string,
  wanted: Pick<RegionRecord, 'endpoint' | 'labels'>,
  signal: AbortSignal,
): Promise<Added> {
  let mayHaveAdded = false;
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    const state = await readRegions(options.etcd, signal);
    const existing = state.regions.find((region) => region.name === name);
    if (existing !== undefined) requireSameEndpoint(existing, wanted.endpoint);
    else if (state.regions.length >= MAX_REGIONS) throw tooMany();
    const record: RegionRecord = { state: existing?.state ?? 'active', ...wanted };
    if (existing !== undefined && sameLabels(existing, record)) {
      return { region: existing, position: state.position, added: mayHaveAdded };
    }
    const change =
      existing === undefined
        ? addition(state, name, record, options)
        : { operations: [putRegion(name, record)] };
    const { succeeded, revision, uncertain } = await commitRegions(options, state, change, signal);
    if (succeeded) {
      const position = { ...state.position, revision };
      return { region: { name, version: revision, ...record }, position, added: existing === undefined };
    }
    mayHaveAdded ||= uncertain && existing === undefined;
  }
  throw changedByOthers();
}

/**
 * The record of another region is put again as it is: pushes under way, which count the regions they have read, compare it and so notice
 * that there is one more. The first epoch goes by the clock, so that it is beyond any that the region's storage knows from an earlier life.
 */
function addition(
  { regions: [other] }: ClusterState,
  name: string,
  record: RegionRecord,
  { clock }: AddRegionOptions,
) {
  const epoch = FIRST_EPOCH + Math.floor(clock.nowMs() / 1000);
  return {
    compare: [{ key: regionKey(name), target: 'create', op: '=', value: 0 }] as const,
    operations: [
      putRegion(name, record),
      { kind: 'put', key: gcKey(name), value: gcRecord.encode({ epoch }) } as const,
      ...(other === undefined ? [] : [putRegion(other.name, other)]),
    ],
  };
}

function requireSameEndpoint({ name, endpoint }: KnownRegion, wanted: string): void {
  if (endpoint === wanted) return;
  throw new RegistryError(
    'CONFLICT',
    `The region ${name} is in the cluster already, at ${endpoint}. Where it has moved it tells itself, as soon as it is started there.`,
    { detail: { region: name, endpoint } },
  );
}

function sameLabels(a: RegionRecord, b: RegionRecord): boolean {
  return JSON.stringify(Object.entries(a.labels).sort()) === JSON.stringify(Object.entries(b.labels).sort());
}

function tooMany(): RegistryError {
  return new RegistryError(
    'CONFLICT',
    `The cluster has ${MAX_REGIONS} regions, and can't have more. Remove one first.`,
  );
}
