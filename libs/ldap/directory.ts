import { randomBytes } from 'node:crypto';
import { ResultCodeError, type Client } from 'ldapts';
import type { DirectorySettings } from '#libs/auth/directory.ts';
import { RegistryError } from '#libs/oci/errors.ts';
import { withConnection } from './connect.ts';
import { findGroups, findUser, type DirectoryGroup, type FoundUser } from './search.ts';

/** Someone, as the directory knows him. */
export interface DirectoryUser {
  /** Of this entry alone. */
  readonly id: string;
  readonly groups: readonly DirectoryGroup[];
}

/** A directory of people and groups that others keep. Both calls throw UNAVAILABLE where it can't be asked. */
export interface Directory {
  /** Undefined for a wrong name or a wrong password, which cost the same. */
  authenticate(name: string, password: string, signal: AbortSignal): Promise<DirectoryUser | undefined>;
  /** Undefined where there is no such user, or not any more. */
  find(name: string, signal: AbortSignal): Promise<DirectoryUser | undefined>;
}

export interface DirectoryOptions {
  readonly settings: DirectorySettings;
  /** The registry's own, that goes with the DN by which it binds. */
  readonly readPassword: () => string | undefined;
}

/** https://www.rfc-editor.org/rfc/rfc4511 */
export function openDirectory({ settings, readPassword }: DirectoryOptions): Directory {
  const bindOwn = async (client: Client): Promise<void> => {
    if (settings.bindDn === undefined) return client.bind('', '');
    const password = readPassword() ?? '';
    if (password === '') throw new Error('There is no password for the DN that the directory is asked as.');
    return client.bind(settings.bindDn, password);
  };
  const answer = async (client: Client, user: FoundUser): Promise<DirectoryUser> => ({
    id: user.id,
    groups: await findGroups(client, settings, user),
  });
  return {
    authenticate: (name, password, signal) =>
      ask(settings, signal, async (client) => {
        await bindOwn(client);
        const user = await findUser(client, settings, name);
        const isRight = await bindAs(client, user?.dn ?? nobody(settings), password);
        if (!isRight || user === undefined) return undefined;
        await bindOwn(client);
        return answer(client, user);
      }),
    find: (name, signal) =>
      ask(settings, signal, async (client) => {
        await bindOwn(client);
        const user = await findUser(client, settings, name);
        return user && answer(client, user);
      }),
  };
}

/** Asks the first server that can be reached. */
async function ask<T>(
  settings: DirectorySettings,
  signal: AbortSignal,
  use: (client: Client) => Promise<T>,
): Promise<T> {
  const causes: unknown[] = [];
  for (const url of settings.urls) {
    try {
      return await withConnection(url, settings, signal, use);
    } catch (error) {
      signal.throwIfAborted();
      causes.push(error);
    }
  }
  throw away(new AggregateError(causes, causes.map(String).join('; ')));
}

/** Servers differ in how they refuse: a wrong password, none kept, an account that is locked or ended, a DN of nobody. */
const REFUSALS = [19, 32, 34, 48, 49, 50, 53];

async function bindAs(client: Client, dn: string, password: string): Promise<boolean> {
  // Without a password it would be a bind of nobody, which servers call a success.
  if (dn === '' || password === '') return false;
  try {
    await client.bind(dn, password);
    return true;
  } catch (error) {
    if (error instanceof ResultCodeError && REFUSALS.includes(error.code)) return false;
    throw error;
  }
}

/** Asked for in the place of a user who is not there, so that it takes as long. */
function nobody({ users }: DirectorySettings): string {
  return `cn=${randomBytes(8).toString('hex')},${users.base}`;
}

function away(cause: unknown): RegistryError {
  return new RegistryError(
    'UNAVAILABLE',
    'The directory in which other users are kept than those of the registry itself can’t be asked now. Try again in a moment; who has a user, robot or token of the registry itself needs no directory.',
    { cause, retryAfterSeconds: 5 },
  );
}
