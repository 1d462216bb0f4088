import { z } from 'zod';
import { isAllowed } from '#libs/auth/decide.ts';
import { hashPassword } from '#libs/auth/password.ts';
import type { Identity } from '#libs/auth/identity.ts';
import type { PrincipalName } from '#libs/auth/names.ts';
import { RegistryError } from '#libs/oci/errors.ts';
import { answerEmpty, answerJson } from '../../http/answer.ts';
import type { Handler, RequestContext } from '../../http/context.ts';
import type { Authentication } from '../authentication.ts';
import { jsonBody } from './body.ts';
import { settled } from './changed.ts';

/** Who is logged in; throws UNAUTHORIZED where nobody is. */
export function requireKnown(ctx: RequestContext): Exclude<Identity, { kind: 'anonymous' }> {
  const { identity } = ctx.state.access;
  if (identity !== undefined && identity.kind !== 'anonymous') return identity;
  throw new RegistryError('UNAUTHORIZED', 'This takes a login with a name, and a password or token.');
}

/** Whether who asks may change identities and permissions, also those of others. */
export function mayAdminister({ known }: Pick<Authentication, 'known'>, identity: Identity): boolean {
  return isAllowed(known.state(), identity, { action: 'administer' });
}

/** What is changed for oneself takes all of one's rights: a narrowed token makes nothing that could do more than it. Throws DENIED. */
export function requireSelf(
  authentication: Pick<Authentication, 'known'>,
  ctx: RequestContext,
): PrincipalName {
  const identity = requireKnown(ctx);
  if (identity.limits.length === 0 || mayAdminister(authentication, identity)) return identity.name;
  throw new RegistryError(
    'DENIED',
    'This takes a login with all of your rights, not with a token that is narrowed.',
  );
}

/** Who one is to the registry. */
export const whoAmI: Handler = async (ctx) => {
  const { name, kind, groups } = requireKnown(ctx);
  ctx.set('Cache-Control', 'no-store');
  answerJson(ctx, { name, kind, groups });
};

const passwords = z.strictObject({ password: z.string(), newPassword: z.string() });

/** Changes one's own password, which is asked for once more. */
export function changeOwnPassword(authentication: Authentication): Handler {
  const { known, auth, login } = authentication;
  return async (ctx) => {
    const name = requireSelf(authentication, ctx);
    const { password, newPassword } = await jsonBody(ctx, passwords);
    const { credential } = await login(known.state(), ctx, { name, password });
    if (!credential.startsWith('password:')) {
      throw new RegistryError(
        'DENIED',
        'Your present password is needed, and is to be one of the registry itself: a token will not do, and the password of a directory is changed there.',
      );
    }
    const change = JSON.stringify({ passwordHash: await hashPassword(newPassword) });
    const { signal } = ctx.state;
    await settled(
      authentication,
      ctx,
      await auth.changePrincipal({ name, make: '', change, ifVersion: 0 }, { signal }),
    );
    answerEmpty(ctx, 204);
  };
}
