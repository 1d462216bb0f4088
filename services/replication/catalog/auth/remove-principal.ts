import type { Entry } from '#libs/auth/policy.ts';
import type { PrincipalRecord } from '#libs/auth/records.ts';
import type { AuthState } from '#libs/auth/state.ts';
import type { Operation } from '#libs/etcd/store.ts';
import type { Auth } from '#libs/rpc/contracts.ts';
import { changeAuth, deleteAuth, type AuthOptions, type Plan } from './change.ts';
import { find, requireVersion } from './conditions.ts';
import { requireAdministrator } from './require-administrator.ts';

/** `Auth.RemovePrincipal`. What is his goes with him; what is left of it by some accident is his by an id that nobody gets again. */
export function createRemovePrincipal(options: AuthOptions): Auth['removePrincipal'] {
  return ({ name, ifVersion }, { signal }) => {
    const plan = (known: AuthState): Plan => {
      const principal = find(known.principals(), name, 'user or robot');
      requireVersion(principal, ifVersion);
      requireAdministrator(known, { principals: known.principals().filter((other) => other.name !== name) });
      return {
        operations: removalOf(known, principal),
        about: { kind: 'principal', name, record: undefined },
      };
    };
    return changeAuth(options, plan, signal);
  };
}

/** First the principal, then what is his. */
export function removalOf(known: AuthState, { name, record }: Entry<PrincipalRecord>): Operation[] {
  const subject = `${record.kind}:${name}`;
  const tokens = known.tokens().filter((token) => token.record.owner === name);
  const bindings = known.bindings().filter((binding) => binding.record.subject === subject);
  return [
    deleteAuth('principal', name),
    ...tokens.map((token) => deleteAuth('token', token.name)),
    ...bindings.map((binding) => deleteAuth('binding', binding.name)),
  ];
}
