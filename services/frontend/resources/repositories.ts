import type { Frontend } from '../frontend.ts';
import { answerJson } from '../http/answer.ts';
import type { Handler } from '../http/context.ts';
import { readFreshness, tellPosition } from '../http/freshness.ts';
import { linkNext, readPage } from '../http/paging.ts';

/** The registry's repositories, in byte order and pages. */
export function listRepositories({ catalog, settings }: Frontend): Handler {
  return async (ctx) => {
    const page = readPage(ctx, settings);
    const freshness = readFreshness(ctx);
    const request = { last: page.last, limit: Math.max(1, page.limit), freshness };
    const { names, more, position } = await catalog.listRepositories(request, { signal: ctx.state.signal });
    const repositories = names.slice(0, page.limit);
    const last = repositories.at(-1);
    if (more && last !== undefined) linkNext(ctx, page, last);
    tellPosition(ctx, position, settings);
    answerJson(ctx, { repositories });
  };
}
