import { z } from 'zod';
import type { DirectoryRecord } from '#libs/auth/directory.ts';
import type { Entry } from '#libs/auth/policy.ts';
import { answerJson } from '../../http/answer.ts';
import { pathParameter, type Handler } from '../../http/context.ts';
import type { Authentication } from '../authentication.ts';
import { jsonBody, shownTime } from './body.ts';
import { answerRemoved, settled } from './changed.ts';

/** What is known of the directory in which other users are. */
export function listDirectories({ known }: Authentication): Handler {
  return async (ctx) => {
    ctx.set('Cache-Control', 'no-store');
    answerJson(ctx, { directories: known.state().directories().map(shown) });
  };
}

/** Puts it. Its fields are the catalog's to check. */
export function setDirectory(authentication: Authentication): Handler {
  return async (ctx) => {
    const name = pathParameter(ctx, 'directory');
    const settings = JSON.stringify(await jsonBody(ctx, z.looseObject({})));
    const { signal } = ctx.state;
    const changed = await authentication.auth.setDirectory({ name, settings, ifVersion: 0 }, { signal });
    await settled(authentication, ctx, changed);
    const entry = authentication.known
      .state()
      .directories()
      .find((other) => other.name === name);
    answerJson(ctx, entry === undefined ? { name } : shown(entry));
  };
}

/** Takes it away: its users are nobody from then on. */
export function removeDirectory(authentication: Authentication): Handler {
  return async (ctx) => {
    const request = { name: pathParameter(ctx, 'directory'), ifVersion: 0 };
    const changed = await authentication.auth.removeDirectory(request, { signal: ctx.state.signal });
    await answerRemoved(authentication, ctx, changed);
  };
}

function shown({ name, record: { id: _id, createdAtMs, ...settings } }: Entry<DirectoryRecord>): object {
  return { name, ...settings, createdAt: shownTime(createdAtMs) };
}
