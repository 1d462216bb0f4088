import { authenticate } from '#libs/auth/credentials.ts';
import { RegistryError } from '#libs/oci/errors.ts';
import type { IdentitySource } from './source.ts';
import { createTurns } from './turns.ts';

/** Each takes a thread and 32 MiB. */
const MAX_HASHING = 2;
const MAX_WAITING = 50;

/** The users, robots and tokens of the registry itself. */
export function createCatalogSource(): IdentitySource {
  const turns = createTurns({ maxRunning: MAX_HASHING, maxWaiting: MAX_WAITING, tooMany });
  return { check: (state, given) => turns(() => authenticate(state, given)) };
}

function tooMany(): RegistryError {
  return new RegistryError(
    'TOOMANYREQUESTS',
    `${MAX_WAITING} passwords wait to be checked at this front end already. Try again in a moment, or log in with a token.`,
    { retryAfterSeconds: 2 },
  );
}
