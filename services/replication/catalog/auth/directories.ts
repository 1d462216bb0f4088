import { randomUUID } from 'node:crypto';
import { parseDirectory } from '#libs/auth/changes.ts';
import { directoryName } from '#libs/auth/directory.ts';
import type { AuthState } from '#libs/auth/state.ts';
import { requireFilter } from '#libs/ldap/filter.ts';
import { RegistryError } from '#libs/oci/errors.ts';
import { quote } from '#libs/oci/quote.ts';
import type { Auth } from '#libs/rpc/contracts.ts';
import { changeAuth, deleteAuth, putAuth, type AuthOptions, type Plan } from './change.ts';
import { find, requireVersion } from './conditions.ts';
import { directoryRecord } from './records.ts';

/** `Auth.SetDirectory`. */
export function createSetDirectory(options: AuthOptions): Auth['setDirectory'] {
  return async ({ name, settings: json, ifVersion }, { signal }) => {
    requireName(name);
    const settings = parseDirectory(json);
    requireFilter(settings.users.filter, ['name']);
    if (settings.groups !== undefined && 'filter' in settings.groups)
      requireFilter(settings.groups.filter, ['dn', 'name']);
    // Another one each time, so that what was proven by the settings before is void.
    const record = { ...settings, id: randomUUID(), createdAtMs: Math.round(options.clock.nowMs()) };
    const value = directoryRecord.encode(record);
    const plan = (known: AuthState): Plan => {
      const [there] = known.directories();
      if (there !== undefined && there.name !== name) throw another(there.name);
      if (there !== undefined) requireVersion(there, ifVersion);
      return {
        operations: [putAuth('directory', name, value)],
        about: { kind: 'directory', name, record: value },
      };
    };
    return changeAuth(options, plan, signal);
  };
}

/** `Auth.RemoveDirectory`. Its users' records stay, for who looks at what was; they prove nothing any more. */
export function createRemoveDirectory(options: AuthOptions): Auth['removeDirectory'] {
  return ({ name, ifVersion }, { signal }) => {
    const plan = (known: AuthState): Plan => {
      requireVersion(find(known.directories(), name, 'directory'), ifVersion);
      return {
        operations: [deleteAuth('directory', name)],
        about: { kind: 'directory', name, record: undefined },
      };
    };
    return changeAuth(options, plan, signal);
  };
}

function requireName(name: string): void {
  if (directoryName.safeParse(name).success) return;
  throw new RegistryError(
    'REQUEST_INVALID',
    `The directory's name ${quote(name)} is not valid: expected 1 to 32 lower-case letters, digits or hyphens, such as corp.`,
  );
}

/** With several, each would be shown the passwords of the others' users. */
function another(name: string): RegistryError {
  return new RegistryError(
    'CONFLICT',
    `There is a directory ${quote(name)} already, and can't be two. Remove it first.`,
  );
}
