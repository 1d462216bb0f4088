import { z } from 'zod';
import { answerJson } from '../../http/answer.ts';
import type { Handler } from '../../http/context.ts';
import type { Authentication } from '../authentication.ts';
import { jsonBody } from './body.ts';
import { settled } from './changed.ts';

const asked = z.strictObject({ dropAll: z.boolean().default(false) });

/** Has the next signing key used; with `dropAll`, whatever was signed before counts no more. */
export function rotateKeys(authentication: Authentication): Handler {
  return async (ctx) => {
    const { dropAll } = await jsonBody(ctx, asked);
    const { signal } = ctx.state;
    await settled(authentication, ctx, await authentication.auth.rotateKeys({ dropAll }, { signal }));
    answerJson(ctx, authentication.keys.published());
  };
}
