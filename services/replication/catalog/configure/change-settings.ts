import { randomUUID } from 'node:crypto';
import type { KeyValueStore } from '#libs/etcd/store.ts';
import { RegistryError } from '#libs/oci/errors.ts';
import { quote } from '#libs/oci/quote.ts';
import type { Catalog } from '#libs/rpc/contracts.ts';
import { HEAD_KEY } from '../keys.ts';
import { areUnchanged } from '../push/commit.ts';
import { defaultsRecord, headRecord, repositoryRecord, type Settings } from '../records.ts';
import type { CatalogSettings } from '../settings.ts';
import { keysAt, readKey, transact } from '../transact.ts';
import { reachedWithin } from '../view/reached.ts';
import type { RepositoryView, ViewState } from '../view/view.ts';
import { patchSettings, requireRegions } from './patch.ts';
import { requirePlacement } from './require-placement.ts';
import { describeSettings, readSettings, scopeOf, type Scope, type SettingsState } from './settings-state.ts';

/** How often a change tries to commit while others change what it depends on. */
const MAX_ATTEMPTS = 5;

export interface ChangeSettingsOptions {
  readonly etcd: KeyValueStore;
  readonly view: ViewState & RepositoryView;
  readonly settings: CatalogSettings;
}

/** `Catalog.ChangeSettings`. A change that leaves everything as it is writes nothing, unless it makes the record. */
export function createChangeSettings(options: ChangeSettingsOptions): Catalog['changeSettings'] {
  const { view, settings } = options;
  return async (request, { signal }) => {
    const scope = scopeOf(request.repository);
    const changed = await change(options, scope, request, signal);
    await reachedWithin(view, changed.position, settings.ownWriteTimeoutMs, signal);
    return {
      settings: describeSettings(scope.repository, changed),
      version: changed.version,
      position: { ...changed.position, stalenessMs: 0 },
    };
  };
}

async function change(
  options: ChangeSettingsOptions,
  scope: Scope,
  { patch, ifMatch }: { patch: string; ifMatch: string },
  signal: AbortSignal,
): Promise<SettingsState> {
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    const state = await readSettings(options.etcd, scope, signal);
    requireVersion(ifMatch, state.version);
    const current = (scope.repository === undefined ? state.defaults : state.repository) ?? {};
    const next = patchSettings(current, patch, scope.repository === undefined ? 'defaults' : 'repository');
    if (next.durability !== current.durability) requireRegions(next, state.activeRegions);
    requirePlacement(options.view, scope.repository, current, next, state);
    const after = changedState(scope, state, next);
    const value = encode(scope, after);
    if (state.version !== 0 && value.equals(encode(scope, state))) return state;
    const revision = await commit(options, scope, state, value, signal);
    if (revision !== undefined) {
      return { ...after, version: revision, position: { ...state.position, revision } };
    }
  }
  throw new RegistryError(
    'UNAVAILABLE',
    `What the change of settings depends on was changed by others each of the ${MAX_ATTEMPTS} times it tried to commit; try again.`,
    { retryAfterSeconds: 1 },
  );
}

function changedState({ repository }: Scope, state: SettingsState, next: Settings): SettingsState {
  if (repository === undefined) return { ...state, defaults: next };
  const { incarnation = randomUUID(), state: life = 'active' } = state.repository ?? {};
  return { ...state, repository: { incarnation, state: life, ...next } };
}

function encode({ repository }: Scope, state: SettingsState): Buffer {
  if (repository === undefined) return defaultsRecord.encode(state.defaults ?? {});
  return repositoryRecord.encode(state.repository ?? { incarnation: '', state: 'active' });
}

/** The revision, or undefined if something has changed since it was read. */
async function commit(
  { etcd, settings }: ChangeSettingsOptions,
  { key }: Scope,
  { position: { catalogId }, version, unchanged }: SettingsState,
  value: Buffer,
  signal: AbortSignal,
): Promise<number | undefined> {
  const answer = await transact(
    etcd,
    {
      compare: areUnchanged(unchanged),
      then: [
        { kind: 'put', key, value },
        { kind: 'put', key: HEAD_KEY, value: headRecord.encode({ catalogId, id: randomUUID() }) },
      ],
      else: [readKey(key)],
    },
    { what: 'The change of settings', timeoutMs: settings.commitTimeoutMs },
    signal,
  );
  if (answer.succeeded) return answer.revision;
  if (!answer.uncertain) return undefined;
  // An earlier attempt may be what changed it.
  const [found] = keysAt(answer, 0);
  if ((found?.modRevision ?? 0) === version) return undefined;
  if (found?.value.equals(value) === true) return found.modRevision;
  const message =
    'The settings were changed by others while they were being changed; look at what they are now, and change them again if that is still right.';
  throw new RegistryError('CONFLICT', message);
}

function requireVersion(ifMatch: string, version: number): void {
  if (ifMatch === '' || (ifMatch === '*' ? version !== 0 : ifMatch === String(version))) return;
  throw new RegistryError(
    'PRECONDITION_FAILED',
    `The settings were expected ${ifMatch === '*' ? 'to exist' : `at version ${quote(ifMatch)}`}, but ${version === 0 ? 'none were ever set' : `they are at version "${version}"`}. ` +
      'Nothing was changed: read them again.',
  );
}
