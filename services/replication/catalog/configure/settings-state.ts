import { prefixEnd } from '#libs/etcd/prefix.ts';
import type { KeyValueStore } from '#libs/etcd/store.ts';
import { RegistryError } from '#libs/oci/errors.ts';
import { parseRepositoryName, type RepositoryName } from '#libs/oci/name.ts';
import { EVERYWHERE } from '#libs/placement.ts';
import type { Setting } from '#types/meridian/v1/Setting.ts';
import { positionOfHead } from '../head.ts';
import { DEFAULTS_KEY, HEAD_KEY, REGION_PREFIX, repositoryKey } from '../keys.ts';
import type { ReadKey } from '../push/prepared.ts';
import {
  defaultsRecord,
  regionRecord,
  repositoryRecord,
  type RepositoryRecord,
  type Settings,
} from '../records.ts';
import { keysAt, readKey } from '../transact.ts';
import type { ViewPosition } from '../view/view.ts';
import { placementBy } from './effective.ts';
import { SETTINGS } from './table.ts';

/** Whose settings: a repository's or, without one, the cluster's defaults. */
export interface Scope {
  readonly repository: RepositoryName | undefined;
  readonly key: string;
}

/** The settings that concern a scope, as one linearizable transaction read them. */
export interface SettingsState {
  readonly position: ViewPosition;
  /** Undefined where there is no record yet. */
  readonly repository: RepositoryRecord | undefined;
  readonly defaults: Settings | undefined;
  /** The mod revision of the scope's own record; 0 where there is none. */
  readonly version: number;
  readonly regions: readonly string[];
  readonly activeRegions: readonly string[];
  /** What must not have changed when a change commits. */
  readonly unchanged: readonly ReadKey[];
}

/** Empty text stands for the defaults. Throws NAME_INVALID. */
export function scopeOf(text: string): Scope {
  if (text === '') return { repository: undefined, key: DEFAULTS_KEY };
  const repository = parseRepositoryName(text);
  return { repository, key: repositoryKey(repository) };
}

/** Throws CONFLICT for a repository that is being deleted, UNAVAILABLE. */
export async function readSettings(
  etcd: KeyValueStore,
  { repository, key }: Scope,
  signal: AbortSignal,
): Promise<SettingsState> {
  const keys = [...new Set([DEFAULTS_KEY, key])];
  const regions = { kind: 'range', key: REGION_PREFIX, rangeEnd: prefixEnd(REGION_PREFIX) } as const;
  const answer = await etcd.txn({ then: [readKey(HEAD_KEY), regions, ...keys.map(readKey)] }, signal);
  const found = keys.map((_, index) => keysAt(answer, 2 + index)[0]);
  const [defaults] = found;
  const own = found[keys.indexOf(key)];
  const record = repository && own && repositoryRecord.decode(own.value, key);
  if (record?.state === 'deleting') {
    const message = `The repository ${repository} is being deleted; change its settings once that is done.`;
    throw new RegistryError('CONFLICT', message, { retryAfterSeconds: 5 });
  }
  const regionKeys = keysAt(answer, 1);
  return {
    position: positionOfHead(keysAt(answer, 0)[0]),
    repository: record,
    defaults: defaults && defaultsRecord.decode(defaults.value, DEFAULTS_KEY),
    version: own?.modRevision ?? 0,
    regions: regionKeys.map(({ key }) => key.slice(REGION_PREFIX.length)),
    activeRegions: regionKeys
      .filter(({ key, value }) => regionRecord.decode(value, key).state === 'active')
      .map(({ key }) => key.slice(REGION_PREFIX.length)),
    unchanged: [
      ...regionKeys.map(({ key, modRevision }) => ({ key, modRevision })),
      ...keys.map((key, index) => ({ key, modRevision: found[index]?.modRevision ?? 0 })),
    ],
  };
}

/** Every setting that the repository or, without one, the defaults have, with the value that is in force and where it comes from. */
export function describeSettings(
  name: RepositoryName | undefined,
  { repository, defaults, activeRegions }: Pick<SettingsState, 'repository' | 'defaults' | 'activeRegions'>,
): Setting[] {
  const ruled = name === undefined ? EVERYWHERE : placementBy({ ...defaults }, name);
  const inherited = ruled.length === 0 ? defaults : { ...defaults, regions: ruled };
  const scopes = [['repository', repository] as const, ['defaults', inherited] as const];
  const of = name === undefined ? 'defaults' : 'repository';
  return SETTINGS.filter(({ only }) => only === undefined || only.of === of).map(({ name, builtIn }) => {
    const [source = 'built-in', settings] = scopes.find(([, set]) => set?.[name] !== undefined) ?? [];
    return { name, value: JSON.stringify(settings?.[name] ?? builtIn(activeRegions.length)), source };
  });
}
