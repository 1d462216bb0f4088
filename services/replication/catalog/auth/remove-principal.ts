import type { AuthState } from '#libs/auth/state.ts';
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
      const subject = `${principal.record.kind}:${name}`;
      const tokens = known.tokens().filter(({ record }) => record.owner === name);
      const bindings = known.bindings().filter(({ record }) => record.subject === subject);
      return {
        operations: [
          deleteAuth('principal', name),
          ...tokens.map((token) => deleteAuth('token', token.name)),
          ...bindings.map((binding) => deleteAuth('binding', binding.name)),
        ],
        about: { kind: 'principal', name, record: undefined },
      };
    };
    return changeAuth(options, plan, signal);
  };
}
