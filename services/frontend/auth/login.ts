import type { Authentication } from '#libs/auth/identity.ts';
import type { AuthState } from '#libs/auth/state.ts';
import { RegistryError } from '#libs/oci/errors.ts';
import type { RequestContext } from '../http/context.ts';
import { addressOf } from './address.ts';
import type { Delays } from './delays.ts';
import type { Proofs } from './proofs.ts';

/** Checks a name and a secret. Throws UNAUTHORIZED where they are wrong, and TOOMANYREQUESTS where too many were before. */
export type Login = (
  state: AuthState,
  ctx: RequestContext,
  given: { readonly name: string; readonly secret: string },
) => Promise<Authentication>;

/** What was proven before costs nothing; what was not waits its turn, and longer the more attempts were wrong. */
export function createLogin({ proofs, delays }: { proofs: Proofs; delays: Delays }): Login {
  return async (state, ctx, { name, secret }) => {
    const before = proofs.known(name, secret);
    if (before !== undefined) return before;
    const { signal } = ctx.state;
    const who = { name, address: addressOf(ctx) };
    await delays.require(who, signal);
    const proven = await proofs.prove(state, name, secret);
    signal.throwIfAborted();
    if (proven !== undefined) return proven;
    await delays.failed(who, signal);
    // One sentence for a wrong name and a wrong secret.
    throw new RegistryError('UNAUTHORIZED', 'The name or the password or token is wrong.');
  };
}
