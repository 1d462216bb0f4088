import { parseRepositoryName } from '#libs/oci/name.ts';
import { RegistryError } from '#libs/oci/errors.ts';
import type { Catalog } from '#libs/rpc/contracts.ts';
import type { ListRepositoriesRequest } from '#types/meridian/v1/ListRepositoriesRequest.ts';
import type { NamePage } from '#types/meridian/v1/NamePage.ts';
import { UNRESTRICTED, type Access } from '../auth/access.ts';
import type { Frontend } from '../frontend.ts';
import { answerJson } from '../http/answer.ts';
import type { Handler } from '../http/context.ts';
import { readFreshness, tellPosition } from '../http/freshness.ts';
import { linkNext, readPage } from '../http/paging.ts';

/** The repositories that the asker may see, in byte order and pages. */
export function listRepositories({ catalog, settings }: Frontend): Handler {
  return async (ctx) => {
    const page = readPage(ctx, settings);
    const freshness = readFreshness(ctx);
    const { access, signal } = ctx.state;
    const request = { last: page.last, limit: Math.max(1, page.limit), freshness };
    const { names, more, position } =
      access === UNRESTRICTED
        ? await catalog.listRepositories(request, { signal })
        : await listVisible(catalog, request, access, settings.maxPageSize, signal);
    const repositories = names.slice(0, page.limit);
    const last = repositories.at(-1);
    if (more && last !== undefined) linkNext(ctx, page, last);
    tellPosition(ctx, position, settings);
    answerJson(ctx, { repositories });
  };
}

/** Pages of the catalog that one answer looks through. */
const MAX_PAGES = 1_000;

/** As the catalog's own page would be, were there none but those: a page that is not the last one has a name behind it. */
async function listVisible(
  catalog: Pick<Catalog, 'listRepositories'>,
  request: ListRepositoriesRequest,
  access: Access,
  pageSize: number,
  signal: AbortSignal,
): Promise<NamePage> {
  const names: string[] = [];
  let { last } = request;
  for (let pages = 0; pages < MAX_PAGES; pages++) {
    const answer = await catalog.listRepositories({ ...request, last, limit: pageSize }, { signal });
    for (const name of answer.names) if (access.may('see', parseRepositoryName(name))) names.push(name);
    last = answer.names.at(-1) ?? last;
    if (names.length > request.limit) return { ...answer, names: names.slice(0, request.limit), more: true };
    if (!answer.more) return { ...answer, names };
  }
  throw new RegistryError(
    'UNAVAILABLE',
    'There are too many repositories to look through for those that you may see.',
  );
}
