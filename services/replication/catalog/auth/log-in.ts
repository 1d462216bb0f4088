import { randomUUID } from 'node:crypto';
import { parsePersonLogin } from '#libs/auth/changes.ts';
import { isUnexpired } from '#libs/auth/identity.ts';
import { isNameOf, type People, type PersonLogin } from '#libs/auth/issuer.ts';
import { MAX_PRINCIPALS, MAX_TOKENS, MAX_TOKENS_PER_PRINCIPAL } from '#libs/auth/limits.ts';
import { parsePrincipalName } from '#libs/auth/names.ts';
import type { Entry } from '#libs/auth/policy.ts';
import type { PrincipalRecord, TokenRecord, UserRecord } from '#libs/auth/records.ts';
import { isSecretHash, isSecretId } from '#libs/auth/secret.ts';
import type { AuthState } from '#libs/auth/state.ts';
import type { Operation } from '#libs/etcd/store.ts';
import { RegistryError } from '#libs/oci/errors.ts';
import { quote } from '#libs/oci/quote.ts';
import type { Auth } from '#libs/rpc/contracts.ts';
import { changeAuth, deleteAuth, putAuth, type AuthOptions, type Plan } from './change.ts';
import { requireRoom } from './conditions.ts';
import { principalRecord, tokenRecord } from './records.ts';
import { removalOf } from './remove-principal.ts';

/**
 * `Auth.LogIn`. A person is who he is to the issuer: he keeps the name that he first came by, whatever the issuer calls him later, and never gets
 * that of someone else.
 */
export function createLogIn(options: AuthOptions): Auth['logIn'] {
  return async ({ issuer, issuerId, person: json, tokenId, tokenSha256 }, { signal }) => {
    const person = parsePersonLogin(json);
    if (!isSecretId(tokenId) || !isSecretHash(tokenSha256) || !isNameOf(issuer, person.name)) {
      throw new RegistryError(
        'REQUEST_INVALID',
        'The name, or the id or hash of the token, is not one that a login makes.',
      );
    }
    const fresh = { id: randomUUID(), nowMs: Math.round(options.clock.nowMs()) };
    const plan = (known: AuthState): Plan => {
      const { sessionMs } = peopleOf(known, issuer, issuerId);
      if (known.token(tokenId) !== undefined) throw usedBefore();
      const before = known.principals().find(({ record }) => isPerson(record, issuerId, person));
      if (before?.record.disabled === true) throw refused(`The account ${before.name} is disabled`);
      const endsAtMs = fresh.nowMs + sessionMs;
      const login = {
        issuer,
        issuerId,
        subject: person.subject,
        groups: person.groups,
        atMs: fresh.nowMs,
        endsAtMs,
      };
      const name = before === undefined ? person.name : parsePrincipalName(before.name);
      const made = before === undefined ? newUser(known, person.name, fresh) : undefined;
      const user: UserRecord = { ...(made?.user ?? (before?.record as UserRecord)), login };
      const value = principalRecord.encode(user);
      const token: TokenRecord = {
        ...{ owner: name, ownerId: user.id, description: `login through ${issuer}`, sha256: tokenSha256 },
        ...{ session: true, createdAtMs: fresh.nowMs, expiresAtMs: endsAtMs },
      };
      return {
        operations: [
          ...(made?.operations ?? []),
          ...(made === undefined ? roomForToken(known, name, fresh.nowMs) : []),
          putAuth('principal', name, value),
          putAuth('token', tokenId, tokenRecord.encode(token)),
        ],
        about: { kind: 'principal', name, record: value },
      };
    };
    return changeAuth(options, plan, signal);
  };
}

function peopleOf(known: AuthState, name: string, id: string): People {
  const issuer = known.issuer(name);
  if (issuer?.id === id && issuer.people !== undefined) return issuer.people;
  throw refused(`The issuer ${quote(name)} is not, or no longer, one that people log in through`);
}

function isPerson(record: PrincipalRecord, issuerId: string, { subject }: PersonLogin): boolean {
  return record.kind === 'user' && record.login?.issuerId === issuerId && record.login.subject === subject;
}

/** Someone who came by an issuer that is gone makes room, with all that was his. */
function newUser(
  known: AuthState,
  name: string,
  { id, nowMs }: { readonly id: string; readonly nowMs: number },
): { readonly user: UserRecord; readonly operations: readonly Operation[] } {
  const other = known.principals().find((principal) => principal.name === name);
  if (other !== undefined && !isLeftOver(known, other.record)) {
    throw new RegistryError(
      'CONFLICT',
      `There is another user ${quote(name)} already, who is someone else to the issuer. An administrator can remove the account, or have another claim give the names.`,
    );
  }
  if (other === undefined) requireRoom(known.principals().length, MAX_PRINCIPALS, 'users and robots');
  requireRoom(known.tokens().length, MAX_TOKENS, 'tokens');
  const user: UserRecord = { kind: 'user', id, groups: [], disabled: false, createdAtMs: nowMs };
  return { user, operations: other === undefined ? [] : removalOf(known, other).slice(1) };
}

function isLeftOver(known: AuthState, record: PrincipalRecord): boolean {
  if (record.kind !== 'user' || record.login === undefined || record.disabled) return false;
  return known.issuer(record.login.issuer)?.id !== record.login.issuerId;
}

/** What has expired goes and, where there still are too many, the oldest login. */
function roomForToken(known: AuthState, owner: string, nowMs: number): Operation[] {
  const own = known.tokens().filter(({ record }) => record.owner === owner);
  const [over, good] = [
    own.filter(({ record }) => !isUnexpired(record, nowMs)),
    own.filter(({ record }) => isUnexpired(record, nowMs)),
  ];
  const oldest = good.filter(({ record }) => record.session).toSorted(byAge);
  const gone = [...over, ...oldest.slice(0, Math.max(0, good.length - MAX_TOKENS_PER_PRINCIPAL + 1))];
  requireRoom(own.length - gone.length, MAX_TOKENS_PER_PRINCIPAL, `tokens of ${owner}`);
  requireRoom(known.tokens().length - gone.length, MAX_TOKENS, 'tokens');
  return gone.map(({ name }) => deleteAuth('token', name));
}

function byAge(a: Entry<TokenRecord>, b: Entry<TokenRecord>): number {
  return a.record.createdAtMs - b.record.createdAtMs;
}

function usedBefore(): RegistryError {
  return new RegistryError('CONFLICT', 'This login was completed before; begin another one.');
}

function refused(what: string): RegistryError {
  return new RegistryError('UNAUTHORIZED', `${what}; ask an administrator.`);
}
