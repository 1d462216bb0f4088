import { answerJson } from '../http/answer.ts';
import type { Handler } from '../http/context.ts';
import type { KeyRing } from './key-ring.ts';

/** Keys are published long before they are used. */
const MAX_AGE_SECONDS = 300;

/** The public keys of the registry's tokens. */
export function readKeys(keys: Pick<KeyRing, 'published'>): Handler {
  return async (ctx) => {
    ctx.set('Cache-Control', `public, max-age=${MAX_AGE_SECONDS}`);
    answerJson(ctx, keys.published(), 'application/jwk-set+json');
  };
}
