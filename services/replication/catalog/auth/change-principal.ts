import { randomUUID } from 'node:crypto';
import { parsePrincipalChange, type PrincipalChange } from '#libs/auth/changes.ts';
import { isUnexpired } from '#libs/auth/identity.ts';
import { isNameOf } from '#libs/auth/issuer.ts';
import { MAX_PRINCIPALS, MAX_SECRETS } from '#libs/auth/limits.ts';
import { parsePrincipalName } from '#libs/auth/names.ts';
import type { PrincipalRecord, RobotRecord, UserRecord } from '#libs/auth/records.ts';
import type { AuthState } from '#libs/auth/state.ts';
import { RegistryError } from '#libs/oci/errors.ts';
import { quote } from '#libs/oci/quote.ts';
import type { Auth } from '#libs/rpc/contracts.ts';
import { changeAuth, putAuth, type AuthOptions, type Plan, type Unchanged } from './change.ts';
import { find, requireRoom, requireVersion } from './conditions.ts';
import { principalRecord } from './records.ts';
import { requireAdministrator } from './require-administrator.ts';

/** `Auth.ChangePrincipal`. A change that leaves everything as it is writes nothing. */
export function createChangePrincipal(options: AuthOptions): Auth['changePrincipal'] {
  return async ({ name, make, change: json, ifVersion }, { signal }) => {
    const change = parsePrincipalChange(json);
    parsePrincipalName(name);
    const made = parseKind(make);
    // The same in every attempt, and whatever the clock does meanwhile.
    const nowMs = Math.round(options.clock.nowMs());
    const fresh = { id: randomUUID(), nowMs };
    const plan = (known: AuthState): Plan | Unchanged => {
      const before = made === undefined ? find(known.principals(), name, 'user or robot') : undefined;
      if (before !== undefined) requireVersion(before, ifVersion);
      if (made !== undefined) requireNone(known, name);
      const old = before?.record ?? blank(made ?? 'user', fresh);
      const record = old.kind === 'user' ? changedUser(old, change, fresh) : changedRobot(old, change, fresh);
      const value = principalRecord.encode(record);
      const about = { kind: 'principal', name, record: value } as const;
      if (before !== undefined && value.equals(principalRecord.encode(before.record))) {
        return { about, version: before.version };
      }
      requireAdministrator(known, {
        principals: [
          ...known.principals().filter((other) => other.name !== name),
          { name, record, version: 0 },
        ],
      });
      return { about, operations: [putAuth('principal', name, value)] };
    };
    return changeAuth(options, plan, signal);
  };
}

interface Fresh {
  /** Of who or what is made by this change. */
  readonly id: string;
  readonly nowMs: number;
}

function blank(kind: PrincipalRecord['kind'], { id, nowMs }: Fresh): PrincipalRecord {
  const fields = { id, groups: [], disabled: false, createdAtMs: nowMs };
  return kind === 'user' ? { kind, ...fields } : { kind, ...fields, secrets: [] };
}

function changedUser(old: UserRecord, change: PrincipalChange, { id }: Fresh): UserRecord {
  const { passwordHash, addSecret, removeSecrets } = change;
  if (addSecret !== undefined || removeSecrets !== undefined) {
    throw invalid('A user has a password and personal access tokens; secrets are for robots.');
  }
  const { directory } = old;
  const fields = { kind: 'user', ...common(old, change), ...(directory && { directory }) } as const;
  const changed = passwordHash == null ? undefined : { id, hash: passwordHash };
  const password = passwordHash === undefined ? old.password : changed;
  if (old.login !== undefined && password !== undefined) {
    throw invalid(`This user logs in through the issuer ${old.login.issuer}, and has no password here.`);
  }
  if (directory !== undefined && password !== undefined) {
    throw invalid(`This user’s password is that of the directory ${directory.name}; change it there.`);
  }
  return {
    ...fields,
    ...(password !== undefined && { password }),
    ...(old.login !== undefined && { login: old.login }),
  };
}

function changedRobot(old: RobotRecord, change: PrincipalChange, { nowMs }: Fresh): RobotRecord {
  const { passwordHash, addSecret, removeSecrets = [] } = change;
  if (passwordHash !== undefined) throw invalid('A robot has no password; give it a secret.');
  const kept = old.secrets.filter((secret) => !removeSecrets.includes(secret.id));
  const fields = { kind: 'robot', ...common(old, change) } as const;
  if (addSecret === undefined) return { ...fields, secrets: kept };
  // What has expired makes room.
  const good = kept.filter((secret) => secret.id !== addSecret.id && isUnexpired(secret, nowMs));
  if (good.length >= MAX_SECRETS) {
    const message = `The robot has ${good.length} secrets, and can't have more. Remove one first.`;
    throw new RegistryError('CONFLICT', message);
  }
  return { ...fields, secrets: [...good, { ...addSecret, createdAtMs: nowMs }] };
}

/** What users and robots have alike. */
function common(
  old: PrincipalRecord,
  change: PrincipalChange,
): Omit<UserRecord, 'kind' | 'password' | 'login' | 'directory'> {
  const { groups = old.groups, disabled = old.disabled } = change;
  const { description = old.description, expiresAtMs = old.expiresAtMs } = change;
  return {
    ...{ id: old.id, groups: [...new Set(groups)].sort(), disabled, createdAtMs: old.createdAtMs },
    ...(description == null ? {} : { description }),
    ...(expiresAtMs == null ? {} : { expiresAtMs }),
  };
}

function requireNone(known: AuthState, name: string): void {
  const other = known.principal(name);
  if (other !== undefined) {
    throw new RegistryError(
      'CONFLICT',
      `There is a ${other.kind} ${quote(name)} already; take another name.`,
    );
  }
  const issuer = known.issuers().find((one) => isNameOf(one.name, name));
  if (issuer !== undefined) {
    throw invalid(
      `Names that begin with "${issuer.name}+" are those of people who log in through the issuer ${issuer.name}; take another.`,
    );
  }
  requireRoom(known.principals().length, MAX_PRINCIPALS, 'users and robots');
}

function parseKind(text: string): PrincipalRecord['kind'] | undefined {
  if (text === '') return undefined;
  if (text === 'user' || text === 'robot') return text;
  throw invalid(`What is to be made is ${quote(text)}; expected "user" or "robot".`);
}

function invalid(message: string): RegistryError {
  return new RegistryError('REQUEST_INVALID', message);
}
