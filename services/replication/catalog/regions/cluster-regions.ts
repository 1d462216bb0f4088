import { randomUUID } from 'node:crypto';
import { prefixEnd } from '#libs/etcd/prefix.ts';
import type { Compare, KeyValueStore, Operation } from '#libs/etcd/store.ts';
import { RegistryError } from '#libs/oci/errors.ts';
import { quote } from '#libs/oci/quote.ts';
import type { ClusterRegion } from '#types/meridian/v1/ClusterRegion.ts';
import { positionOfHead } from '../head.ts';
import { HEAD_KEY, REGION_PREFIX, regionKey } from '../keys.ts';
import { headRecord, regionRecord, type RegionRecord } from '../records.ts';
import type { CatalogSettings } from '../settings.ts';
import { keysAt, readKey, transact, type Transacted } from '../transact.ts';
import type { RegionView, RepositoryView, ViewPosition, ViewState } from '../view/view.ts';

export interface RegionsOptions {
  readonly etcd: KeyValueStore;
  readonly view: ViewState & RegionView & RepositoryView;
  readonly settings: CatalogSettings;
}

/** A region's record with its mod revision. */
export interface KnownRegion extends RegionRecord {
  readonly name: string;
  readonly version: number;
}

/** The regions as one linearizable transaction read them. */
export interface ClusterState {
  readonly position: ViewPosition;
  /** By name. */
  readonly regions: readonly KnownRegion[];
}

/** How often a change of regions tries to commit while others change them too. */
export const MAX_ATTEMPTS = 5;

export async function readRegions(etcd: KeyValueStore, signal: AbortSignal): Promise<ClusterState> {
  const range = { kind: 'range', key: REGION_PREFIX, rangeEnd: prefixEnd(REGION_PREFIX) } as const;
  const answer = await etcd.txn({ then: [readKey(HEAD_KEY), range] }, signal);
  return {
    position: positionOfHead(keysAt(answer, 0)[0]),
    regions: keysAt(answer, 1).map(({ key, value, modRevision }) => ({
      name: key.slice(REGION_PREFIX.length),
      version: modRevision,
      ...regionRecord.decode(value, key),
    })),
  };
}

/** Throws NAME_UNKNOWN. */
export function findRegion({ regions }: ClusterState, name: string): KnownRegion {
  const found = regions.find((region) => region.name === name);
  if (found !== undefined) return found;
  const known = regions.map((region) => region.name).join(', ');
  throw new RegistryError(
    'NAME_UNKNOWN',
    `There is no region ${quote(name)} in this cluster; its regions are ${known}.`,
  );
}

/** One transaction that writes if the regions are as they were read. Throws UNAVAILABLE, also where the outcome is not known. */
export function commitRegions(
  { etcd, settings }: Pick<RegionsOptions, 'etcd' | 'settings'>,
  { position: { catalogId }, regions }: ClusterState,
  { compare = [], operations }: { compare?: readonly Compare[]; operations: readonly Operation[] },
  signal: AbortSignal,
): Promise<Transacted> {
  const unchanged = regions.map(({ name, version }): Compare => {
    return { key: regionKey(name), target: 'mod', op: '=', value: version };
  });
  const head = headRecord.encode({ catalogId, id: randomUUID() });
  return transact(
    etcd,
    {
      compare: [...unchanged, ...compare],
      then: [...operations, { kind: 'put', key: HEAD_KEY, value: head }],
    },
    { what: 'The change of regions', timeoutMs: settings.commitTimeoutMs },
    signal,
  );
}

export function putRegion(name: string, { state, endpoint, labels }: RegionRecord): Operation {
  return { kind: 'put', key: regionKey(name), value: regionRecord.encode({ state, endpoint, labels }) };
}

export function shown({ name, state, endpoint, labels, version }: KnownRegion): ClusterRegion {
  return { region: name, state, endpoint, labels: { ...labels }, version };
}

export function changedByOthers(): RegistryError {
  return new RegistryError(
    'UNAVAILABLE',
    `The regions of the cluster were changed by others each of the ${MAX_ATTEMPTS} times that this change tried to commit; try again.`,
    { retryAfterSeconds: 1 },
  );
}
