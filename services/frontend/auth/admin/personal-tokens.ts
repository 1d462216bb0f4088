import { z } from 'zod';
import type { Entry } from '#libs/auth/policy.ts';
import { description, grants } from '#libs/auth/fields.ts';
import type { TokenRecord } from '#libs/auth/records.ts';
import { createSecret } from '#libs/auth/secret.ts';
import { RegistryError } from '#libs/oci/errors.ts';
import { quote } from '#libs/oci/quote.ts';
import { answerJson } from '../../http/answer.ts';
import { pathParameter, type Handler } from '../../http/context.ts';
import type { Authentication } from '../authentication.ts';
import { jsonBody, shownTime, time } from './body.ts';
import { answerRemoved, settled } from './changed.ts';
import { mayAdminister, requireKnown, requireSelf } from './self.ts';

const asked = z.strictObject({
  /** Whoever asks, where it is left out. */
  owner: z.string().exactOptional(),
  description: description.exactOptional(),
  grants: grants.exactOptional(),
  expiresAt: time.exactOptional(),
});

/** One's own; to administrators all. */
export function listTokens(authentication: Authentication): Handler {
  return async (ctx) => {
    const identity = requireKnown(ctx);
    const all = authentication.known.state().tokens();
    const mine = ({ record }: Entry<TokenRecord>): boolean => record.ownerId === identity.id;
    ctx.set('Cache-Control', 'no-store');
    answerJson(ctx, {
      tokens: (mayAdminister(authentication, identity) ? all : all.filter(mine)).map(shown),
    });
  };
}

/** Makes one; its secret is in the answer, and nowhere else. */
export function makeToken(authentication: Authentication): Handler {
  return async (ctx) => {
    const name = requireSelf(authentication, ctx);
    const { owner = name, expiresAt, ...details } = await jsonBody(ctx, asked);
    if (owner !== name && !mayAdminister(authentication, requireKnown(ctx))) {
      throw new RegistryError('DENIED', 'Only an administrator makes tokens for others.');
    }
    const { id, sha256, text } = createSecret('token');
    const told = JSON.stringify({ ...details, ...(expiresAt !== undefined && { expiresAtMs: expiresAt }) });
    const { signal } = ctx.state;
    await settled(
      authentication,
      ctx,
      await authentication.auth.addToken({ id, sha256, owner, details: told }, { signal }),
    );
    ctx.set('Cache-Control', 'no-store');
    answerJson(ctx, { id, owner, secret: text });
    ctx.status = 201;
  };
}

/** Takes one's own away, or as an administrator anyone's; another's is as unknown as none. */
export function removeToken(authentication: Authentication): Handler {
  return async (ctx) => {
    requireSelf(authentication, ctx);
    const identity = requireKnown(ctx);
    const id = pathParameter(ctx, 'id');
    const token = authentication.known.state().token(id);
    if (token === undefined || (token.ownerId !== identity.id && !mayAdminister(authentication, identity))) {
      throw new RegistryError('NAME_UNKNOWN', `There is no token ${quote(id)} of yours.`);
    }
    const { signal } = ctx.state;
    const changed = await authentication.auth.removeToken({ name: id, ifVersion: 0 }, { signal });
    await answerRemoved(authentication, ctx, changed);
  };
}

function shown({ name: id, record }: Entry<TokenRecord>): object {
  const { owner, createdAtMs, expiresAtMs, grants: narrowed } = record;
  return {
    id,
    owner,
    ...(record.description !== undefined && { description: record.description }),
    ...(narrowed !== undefined && { grants: narrowed }),
    ...{ createdAt: shownTime(createdAtMs), expiresAt: shownTime(expiresAtMs) },
  };
}
