import type { Frontend } from '../frontend.ts';
import { answerJson } from '../http/answer.ts';
import { repositoryOf, type Handler } from '../http/context.ts';
import { readFreshness, tellPosition } from '../http/freshness.ts';
import { linkNext, readPage } from '../http/paging.ts';

/** A repository's tags, in byte order and pages. */
export function listTags({ catalog, settings }: Frontend): Handler {
  return async (ctx) => {
    const repository = repositoryOf(ctx);
    const page = readPage(ctx, settings);
    const freshness = readFreshness(ctx);
    // An empty page still needs to know whether there is such a repository.
    const request = { repository, last: page.last, limit: Math.max(1, page.limit), freshness };
    const { names, more, position } = await catalog.listTags(request, { signal: ctx.state.signal });
    const tags = names.slice(0, page.limit);
    const last = tags.at(-1);
    if (more && last !== undefined) linkNext(ctx, page, last);
    tellPosition(ctx, position, settings);
    answerJson(ctx, { name: repository, tags });
  };
}
