import { hasAdministrator } from '#libs/auth/administrators.ts';
import type { Directory, Entry } from '#libs/auth/policy.ts';
import type { BindingRecord, PrincipalRecord } from '#libs/auth/records.ts';
import { RegistryError } from '#libs/oci/errors.ts';

/** Throws CONFLICT where there is an administrator, and would be none after this. */
export function requireAdministrator(
  known: Directory,
  after: {
    readonly principals?: readonly Entry<PrincipalRecord>[];
    readonly bindings?: readonly Entry<BindingRecord>[];
  },
): void {
  const { principals = known.principals(), bindings = known.bindings() } = after;
  if (hasAdministrator(principals, bindings)) return;
  if (!hasAdministrator(known.principals(), known.bindings())) return;
  throw new RegistryError(
    'CONFLICT',
    'Nobody would be left who can log in by a password as administrator of the whole registry. Make another user administrator on ** first.',
  );
}
