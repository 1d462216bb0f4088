import { randomUUID } from 'node:crypto';
import { isNameOf } from '#libs/auth/issuer.ts';
import { MAX_PRINCIPALS } from '#libs/auth/limits.ts';
import { parsePrincipalName, type GroupName } from '#libs/auth/names.ts';
import type { UserRecord } from '#libs/auth/records.ts';
import type { AuthState } from '#libs/auth/state.ts';
import { RegistryError } from '#libs/oci/errors.ts';
import type { Auth } from '#libs/rpc/contracts.ts';
import type { AdmitUserRequest } from '#types/meridian/v1/AdmitUserRequest.ts';
import { changeAuth, putAuth, type AuthOptions, type Plan, type Unchanged } from './change.ts';
import { requireRoom } from './conditions.ts';
import { principalRecord } from './records.ts';
import { removalOf } from './remove-principal.ts';

/** `Auth.AdmitUser`. */
export function createAdmitUser(options: AuthOptions): Auth['admitUser'] {
  return async (request, { signal }) => {
    const name = parsePrincipalName(request.name);
    const groups = [...new Set(request.groups as GroupName[])].sort();
    const directory = { name: request.directory, subject: request.subject, groups };
    const fresh: UserRecord = {
      ...{ kind: 'user', id: randomUUID(), groups: [], disabled: false },
      ...{ createdAtMs: Math.round(options.clock.nowMs()), directory },
    };
    let id = '';
    const plan = (known: AuthState): Plan | Unchanged => {
      requireCurrent(known, request);
      const there = known.principals().find((other) => other.name === name);
      const old = there === undefined ? undefined : userOf(there.record, request);
      // Whoever has been shut out here stays so, whichever entry has his name.
      const isSame = old !== undefined && (old.disabled || old.directory?.subject === request.subject);
      if (old === undefined) requireRoom(known.principals().length, MAX_PRINCIPALS, 'users and robots');
      if (!isSame) requireOneName(known, request);
      requireNoIssuers(known, name);
      const record: UserRecord = isSame ? (old.disabled ? old : { ...old, directory }) : fresh;
      id = record.id;
      const value = principalRecord.encode(record);
      const about = { kind: 'principal', name, record: value } as const;
      if (there !== undefined && value.equals(principalRecord.encode(there.record)))
        return { about, version: there.version };
      // Without the principal itself, which is put.
      const dropped = isSame || there === undefined ? [] : removalOf(known, there).slice(1);
      return { about, operations: [...dropped, putAuth('principal', name, value)] };
    };
    const { position } = await changeAuth(options, plan, signal);
    return { id, position };
  };
}

function requireCurrent(known: AuthState, { directory, directoryId }: AdmitUserRequest): void {
  if (known.directory(directory)?.id === directoryId) return;
  throw new RegistryError(
    'CONFLICT',
    'What is known of the directory has changed since it was asked. Log in again.',
  );
}

/** Throws DENIED for one who does not come from that directory. */
function userOf(
  record: ReturnType<AuthState['principals']>[number]['record'],
  { name, directory }: AdmitUserRequest,
): UserRecord {
  if (record.kind === 'user' && record.directory?.name === directory) return record;
  throw new RegistryError(
    'DENIED',
    `The name ${name} is that of another ${record.kind} in this registry. Ask an administrator.`,
  );
}

function requireNoIssuers(known: AuthState, name: string): void {
  if (!known.issuers().some((issuer) => isNameOf(issuer.name, name))) return;
  throw new RegistryError(
    'DENIED',
    `The name ${name} is one of those that people have who log in through an issuer; log in there.`,
  );
}

/** An entry that can be found by several names has one of them here, or what is taken from one would be left to the other. */
function requireOneName(known: AuthState, { name, directory, subject }: AdmitUserRequest): void {
  const other = known
    .principals()
    .find(
      ({ record }) =>
        record.kind === 'user' &&
        record.directory?.name === directory &&
        record.directory.subject === subject,
    );
  if (other === undefined || other.name === name) return;
  throw new RegistryError(
    'DENIED',
    `You are known here as ${other.name}: log in by that name, or have an administrator remove it.`,
  );
}
