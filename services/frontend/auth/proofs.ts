import { hash, randomBytes } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { identify, type Authentication } from '#libs/auth/identity.ts';
import type { AuthState } from '#libs/auth/state.ts';
import type { Given, IdentitySource } from './sources/source.ts';

/** Names with passwords, robots' secrets or personal access tokens. */
export interface Proofs {
  /** What was proven before with the same name and secret, if it is worth something still and will be for so long. */
  known(state: AuthState, given: Given, leastMs: number): Authentication | undefined;
  /** Undefined where they are wrong. Throws what the source of identities throws. */
  prove(state: AuthState, given: Given, signal: AbortSignal): Promise<Authentication | undefined>;
}

export interface ProofsOptions {
  readonly source: IdentitySource;
  /** Milliseconds since 1970. */
  readonly clock: () => number;
}

const MAX_PROOFS = 10_000;

/**
 * Remembers what was proven, under a hash by a key of this process alone. That holds for a credential as it was: a password that was
 * changed since has another id, and the old proof names the old one. Then it is proven once more: the new one may be the same.
 */
export function createProofs({ source, clock }: ProofsOptions): Proofs {
  const key = randomBytes(32).toString('base64');
  const proven = new LRUCache<string, Authentication>({ max: MAX_PROOFS });
  const keyOf = ({ name, password }: Given): string => hash('sha256', `${key}${name}:${password}`, 'base64');
  return {
    known: (state, given, leastMs) => {
      const proof = proven.get(keyOf(given));
      return proof && identify(state, proof, clock() + leastMs) && proof;
    },
    prove: async (state, given, signal) => {
      const proof = await source.check(state, given, signal);
      if (proof !== undefined) proven.set(keyOf(given), proof);
      return proof;
    },
  };
}
