import { randomUUID } from 'node:crypto';
import type { AuthKind } from '#libs/auth/records.ts';
import type { AuthState } from '#libs/auth/state.ts';
import type { KeyValueStore, Operation } from '#libs/etcd/store.ts';
import { RegistryError } from '#libs/oci/errors.ts';
import type { AuthChanged } from '#types/meridian/v1/AuthChanged.ts';
import { lagging } from '../barrier.ts';
import type { Clock } from '../collaborators.ts';
import { positionOfHead } from '../head.ts';
import { AUTH_STATE_KEY, authKey, HEAD_KEY } from '../keys.ts';
import { headRecord } from '../records.ts';
import type { CatalogSettings } from '../settings.ts';
import { keysAt, readKey, transact } from '../transact.ts';
import { reachedWithin } from '../view/reached.ts';
import type { AuthView, ViewPosition, ViewState } from '../view/view.ts';
import { authStateRecord, type AuthStateRecord } from './records.ts';

/** How often a change tries to commit while others change identities and permissions too. */
const MAX_ATTEMPTS = 10;

export interface AuthOptions {
  readonly etcd: KeyValueStore;
  readonly view: ViewState & AuthView;
  /** What the view has of them, read. */
  readonly known: AuthState;
  readonly clock: Clock;
  readonly settings: CatalogSettings;
}

/** What a change is to do, given all there is. It may have several parts, one of which is told of. */
export interface Plan {
  readonly operations: readonly Operation[];
  readonly about: { readonly kind: AuthKind; readonly name: string; readonly record: Buffer | undefined };
}

/** What a change leaves as it is. */
export interface Unchanged {
  readonly about: Plan['about'];
  readonly version: number;
}

/**
 * Changes identities and permissions: one change after the other over the whole cluster, each planned by all that those before it left. So what a
 * plan counts and looks for still holds when it is committed. `plan` may be called several times, and throws what is to be told to who asked.
 */
export async function changeAuth(
  options: AuthOptions,
  plan: (known: AuthState) => Plan | Unchanged,
  signal: AbortSignal,
): Promise<AuthChanged> {
  const { view, known, settings } = options;
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    const read = await readAuth(options, signal);
    if (read.state === undefined) throw notAdministered();
    const planned = plan(known);
    if ('version' in planned) return changed(planned.about, planned.version, read.position);
    const revision = await commit(options, read, planned.operations, read.state, signal);
    if (revision === undefined) continue;
    const position = { ...read.position, revision };
    await reachedWithin(view, position, settings.ownWriteTimeoutMs, signal);
    return changed(planned.about, revision, position);
  }
  throw new RegistryError(
    'UNAVAILABLE',
    `Identities and permissions were changed by others each of the ${MAX_ATTEMPTS} times that this change tried to commit; try again.`,
    { retryAfterSeconds: 1 },
  );
}

export interface AuthRead {
  readonly position: ViewPosition;
  /** Undefined where there never was an administrator. */
  readonly state: AuthStateRecord | undefined;
  /** Its mod revision. */
  readonly version: number;
}

/** Reads where the catalog stands, and waits for the view to be there. Throws UNAVAILABLE. */
export async function readAuth(
  { etcd, view, settings }: Pick<AuthOptions, 'etcd' | 'view' | 'settings'>,
  signal: AbortSignal,
): Promise<AuthRead> {
  const answer = await etcd.txn({ then: [readKey(HEAD_KEY), readKey(AUTH_STATE_KEY)] }, signal);
  const position = positionOfHead(keysAt(answer, 0)[0]);
  const [state] = keysAt(answer, 1);
  if (!(await reachedWithin(view, position, settings.barrierTimeoutMs, signal))) {
    throw lagging(position.revision, view.position().revision);
  }
  return {
    position,
    state: state && authStateRecord.decode(state.value, AUTH_STATE_KEY),
    version: state?.modRevision ?? 0,
  };
}

/** The revision; undefined where others changed something since it was read. Throws UNAVAILABLE, also where the outcome stays unknown. */
export async function commit(
  { etcd, settings }: Pick<AuthOptions, 'etcd' | 'settings'>,
  { position: { catalogId }, version }: AuthRead,
  operations: readonly Operation[],
  state: Pick<AuthStateRecord, 'administeredAtMs'>,
  signal: AbortSignal,
): Promise<number | undefined> {
  const id = randomUUID();
  const next = authStateRecord.encode({ id, administeredAtMs: state.administeredAtMs });
  const answer = await transact(
    etcd,
    {
      compare: [{ key: AUTH_STATE_KEY, target: 'mod', op: '=', value: version }],
      then: [
        ...operations,
        { kind: 'put', key: AUTH_STATE_KEY, value: next },
        { kind: 'put', key: HEAD_KEY, value: headRecord.encode({ catalogId, id: randomUUID() }) },
      ],
      else: [readKey(AUTH_STATE_KEY)],
    },
    { what: 'The change of identities and permissions', timeoutMs: settings.commitTimeoutMs },
    signal,
  );
  if (answer.succeeded) return answer.revision;
  const [found] = keysAt(answer, 0);
  if (found !== undefined && authStateRecord.decode(found.value, AUTH_STATE_KEY).id === id) {
    return found.modRevision;
  }
  if (!answer.uncertain) return undefined;
  throw new RegistryError(
    'UNAVAILABLE',
    'The change was sent to etcd, no answer came, and others have changed identities and permissions since: whether it took effect is not known. ' +
      'Look at what there is now.',
    { detail: { outcomeUnknown: true } },
  );
}

export function putAuth(kind: AuthKind, name: string, value: Buffer): Operation {
  return { kind: 'put', key: authKey(kind, name), value };
}

export function deleteAuth(kind: AuthKind, name: string): Operation {
  return { kind: 'delete', key: authKey(kind, name) };
}

function changed(
  { kind, name, record }: Plan['about'],
  version: number,
  position: ViewPosition,
): AuthChanged {
  return {
    entry: { kind, name, record: record?.toString() ?? '', version },
    position: { ...position, stalenessMs: 0 },
  };
}

function notAdministered(): RegistryError {
  return new RegistryError(
    'CONFLICT',
    'This registry has no administrator yet: one is made when a front end first starts with authentication turned on. Start one so.',
  );
}
