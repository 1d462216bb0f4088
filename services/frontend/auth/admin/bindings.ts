import { z } from 'zod';
import type { Entry } from '#libs/auth/policy.ts';
import type { BindingRecord } from '#libs/auth/records.ts';
import { answerJson } from '../../http/answer.ts';
import { pathParameter, type Handler } from '../../http/context.ts';
import type { Authentication } from '../authentication.ts';
import { jsonBody, shownTime } from './body.ts';
import { answerRemoved, settled } from './changed.ts';

const asked = z.strictObject({ role: z.string(), subject: z.string(), repositories: z.string() });

/** Who was given which role, on which repositories. */
export function listBindings({ known }: Authentication): Handler {
  return async (ctx) => {
    ctx.set('Cache-Control', 'no-store');
    answerJson(ctx, { bindings: known.state().bindings().map(shown) });
  };
}

/** Gives a role. */
export function addBinding(authentication: Authentication): Handler {
  return async (ctx) => {
    const request = await jsonBody(ctx, asked);
    const changed = await authentication.auth.addBinding(request, { signal: ctx.state.signal });
    await settled(authentication, ctx, changed);
    answerJson(ctx, { id: changed.entry?.name ?? '', ...request });
    ctx.status = 201;
  };
}

/** Takes one away. */
export function removeBinding(authentication: Authentication): Handler {
  return async (ctx) => {
    const request = { name: pathParameter(ctx, 'id'), ifVersion: 0 };
    const changed = await authentication.auth.removeBinding(request, { signal: ctx.state.signal });
    await answerRemoved(authentication, ctx, changed);
  };
}

function shown({ name: id, record }: Entry<BindingRecord>): object {
  const { role, subject, repositories, createdAtMs } = record;
  return { id, role, subject, repositories, createdAt: shownTime(createdAtMs) };
}
