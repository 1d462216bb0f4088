import { identify, type Authentication } from '#libs/auth/identity.ts';
import { parseSecret } from '#libs/auth/secret.ts';
import type { AuthState } from '#libs/auth/state.ts';
import { RegistryError } from '#libs/oci/errors.ts';
import type { RequestContext } from '../http/context.ts';
import { addressOf } from './address.ts';
import type { Delays } from './delays.ts';
import type { Machines } from './oidc/machines.ts';
import type { Proofs } from './proofs.ts';
import type { Given } from './sources/source.ts';

/**
 * Checks a name and a password, for something that takes so long at least. Throws UNAUTHORIZED where they are wrong, TOOMANYREQUESTS where too many
 * were before, and UNAVAILABLE where they can't be checked.
 */
export type Login = (
  state: AuthState,
  ctx: RequestContext,
  given: Given,
  leastMs?: number,
) => Promise<Authentication>;

export interface LoginOptions {
  readonly proofs: Proofs;
  readonly delays: Delays;
  readonly machines: Machines;
  /** Milliseconds since 1970. */
  readonly clock: () => number;
}

/**
 * What was proven before costs nothing; a password that was not waits its turn, and longer the more attempts were wrong. What the
 * registry made at random can't be guessed, so that an outdated token of someone locks nobody out. A machine's token is looked at anew each time.
 */
export function createLogin({ proofs, delays, machines, clock }: LoginOptions): Login {
  return async (state, ctx, given, leastMs = 0) => {
    const { name, password } = given;
    ctx.state.tried = name;
    if (machines.isToken(state, password)) return machines.prove(state, ctx, password, name);
    const before = proofs.known(state, given, leastMs);
    if (before !== undefined) return before;
    const { signal } = ctx.state;
    const who = { name, address: addressOf(ctx) };
    const isGuess = parseSecret(password) === undefined;
    if (isGuess) await delays.require(who, signal);
    const failed = async (): Promise<void> => {
      if (isGuess) await delays.failed(who, signal);
    };
    const proven = await proofs.prove(state, given, signal).catch(async (error: unknown) => {
      // What can't be checked has been wrong as far as it could be: an outage of a directory is no time for guesses.
      if (error instanceof RegistryError && error.code === 'UNAVAILABLE') await failed();
      throw error;
    });
    signal.throwIfAborted();
    if (proven === undefined || identify(state, proven, clock()) === undefined) await failed();
    if (proven !== undefined) return proven;
    // One sentence for a wrong name and a wrong secret.
    throw new RegistryError('UNAUTHORIZED', 'The name or the password or token is wrong.');
  };
}
