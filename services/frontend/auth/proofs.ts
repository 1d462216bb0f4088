import { createHmac, randomBytes } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { authenticate } from '#libs/auth/credentials.ts';
import type { Authentication } from '#libs/auth/identity.ts';
import type { Policy } from '#libs/auth/policy.ts';
import { RegistryError } from '#libs/oci/errors.ts';

/** Names with passwords, robots' secrets or personal access tokens. */
export interface Proofs {
  /** What was proven before with the same name and secret; whether it is worth anything still is for `identify` to say. */
  known(name: string, secret: string): Authentication | undefined;
  /** Undefined where they are wrong. Throws TOOMANYREQUESTS where too many wait already. */
  prove(policy: Policy, name: string, secret: string): Promise<Authentication | undefined>;
}

const MAX_PROOFS = 10_000;
/** Each takes a thread and 32 MiB. */
const MAX_HASHING = 2;
const MAX_WAITING = 50;

/**
 * Remembers what was proven, under a hash by a key of this process alone. That holds for a credential as it was: a password that was
 * changed since has another id, and the old proof names the old one.
 */
export function createProofs(): Proofs {
  const key = randomBytes(32);
  const proven = new LRUCache<string, Authentication>({ max: MAX_PROOFS });
  const turns = createTurns();
  const keyOf = (name: string, secret: string): string =>
    createHmac('sha256', key).update(`${name}:${secret}`).digest('base64');
  return {
    known: (name, secret) => proven.get(keyOf(name, secret)),
    prove: (policy, name, secret) =>
      turns(async () => {
        const proof = await authenticate(policy, { name, password: secret });
        if (proof !== undefined) proven.set(keyOf(name, secret), proof);
        return proof;
      }),
  };
}

type Turns = <T>(work: () => Promise<T>) => Promise<T>;

function createTurns(): Turns {
  let running = 0;
  const waiting: (() => void)[] = [];
  return async (work) => {
    while (running >= MAX_HASHING) {
      if (waiting.length >= MAX_WAITING) throw tooMany();
      await new Promise<void>((resolve) => waiting.push(resolve));
    }
    running += 1;
    try {
      return await work();
    } finally {
      running -= 1;
      waiting.shift()?.();
    }
  };
}

function tooMany(): RegistryError {
  return new RegistryError(
    'TOOMANYREQUESTS',
    `${MAX_WAITING} passwords wait to be checked at this front end already. Try again in a moment, or log in with a token.`,
    { retryAfterSeconds: 2 },
  );
}
