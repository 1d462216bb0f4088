import { randomBytes } from 'node:crypto';
import { parseSecret } from '#libs/auth/secret.ts';
import { directoryOf, type DirectorySource } from './directory-source.ts';
import type { Given, IdentitySource } from './source.ts';

/**
 * The catalog first; then the directory, for names that are not the registry's own. Where the password is wrong, the directory is asked in any case, about
 * nobody if need be: so neither the time nor an outage of the directory tells which names the registry has itself. What the registry made is
 * never shown to the directory.
 */
export function createAllSources(catalog: IdentitySource, directory: DirectorySource): IdentitySource {
  return {
    check: async (state, given, signal) => {
      const proven = await catalog.check(state, given, signal);
      const principal = state.principal(given.name);
      const isOwn = principal !== undefined && directoryOf(principal) === undefined;
      if (proven !== undefined) return isOwn ? proven : directory.confirm(state, proven, signal);
      if (parseSecret(given.password) !== undefined) return undefined;
      const found = await directory.check(state, isOwn ? nobody() : given, signal);
      return isOwn ? undefined : found;
    },
  };
}

function nobody(): Given {
  const [name, password] = [randomBytes(10).toString('hex'), randomBytes(10).toString('hex')];
  return { name, password };
}
