import { parseTokenDetails } from '#libs/auth/changes.ts';
import { isUnexpired } from '#libs/auth/identity.ts';
import { MAX_TOKENS, MAX_TOKENS_PER_PRINCIPAL } from '#libs/auth/limits.ts';
import { parsePrincipalName } from '#libs/auth/names.ts';
import { isSecretHash, isSecretId } from '#libs/auth/secret.ts';
import type { AuthState } from '#libs/auth/state.ts';
import { RegistryError } from '#libs/oci/errors.ts';
import type { Auth } from '#libs/rpc/contracts.ts';
import { changeAuth, deleteAuth, putAuth, type AuthOptions, type Plan } from './change.ts';
import { find, requireRoom, requireVersion } from './conditions.ts';
import { tokenRecord } from './records.ts';

/** `Auth.AddToken`. The owner's tokens that have expired go. */
export function createAddToken(options: AuthOptions): Auth['addToken'] {
  return async ({ id, sha256, owner: ownerName, details: json }, { signal }) => {
    const details = parseTokenDetails(json);
    const owner = parsePrincipalName(ownerName);
    if (!isSecretId(id) || !isSecretHash(sha256)) {
      throw new RegistryError(
        'REQUEST_INVALID',
        "The token's id or hash is not one that createSecret gives.",
      );
    }
    const nowMs = Math.round(options.clock.nowMs());
    const plan = (known: AuthState): Plan => {
      const { record: principal } = find(known.principals(), owner, 'user');
      if (principal.kind !== 'user') {
        const message = `${owner} is a robot: it has secrets of its own, and no personal access tokens.`;
        throw new RegistryError('REQUEST_INVALID', message);
      }
      if (known.token(id) !== undefined)
        throw new RegistryError('CONFLICT', 'There is a token of that id already.');
      const own = known.tokens().filter(({ record }) => record.owner === owner);
      const over = own.filter(({ record }) => !isUnexpired(record, nowMs));
      requireRoom(own.length - over.length, MAX_TOKENS_PER_PRINCIPAL, `tokens of ${owner}`);
      requireRoom(known.tokens().length - over.length, MAX_TOKENS, 'tokens');
      const record = { ...details, owner, ownerId: principal.id, sha256, createdAtMs: nowMs };
      const value = tokenRecord.encode(record);
      return {
        operations: [...over.map(({ name }) => deleteAuth('token', name)), putAuth('token', id, value)],
        about: { kind: 'token', name: id, record: value },
      };
    };
    return changeAuth(options, plan, signal);
  };
}

/** `Auth.RemoveToken`. */
export function createRemoveToken(options: AuthOptions): Auth['removeToken'] {
  return ({ name, ifVersion }, { signal }) => {
    const plan = (known: AuthState): Plan => {
      requireVersion(find(known.tokens(), name, 'token'), ifVersion);
      return { operations: [deleteAuth('token', name)], about: { kind: 'token', name, record: undefined } };
    };
    return changeAuth(options, plan, signal);
  };
}
