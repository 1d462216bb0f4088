import { nextLink, parsePageSize } from '#libs/oci/link.ts';
import type { FrontendSettings } from '../settings.ts';
import { queryParameter, type RequestContext } from './context.ts';

/** What a client asks of a list: at most `limit` entries that come after `last` in byte order. */
export interface Page {
  readonly limit: number;
  readonly last: string;
}

type Limits = Pick<FrontendSettings, 'defaultPageSize' | 'maxPageSize'>;

/** Reads `n` and `last`. Throws PAGINATION_NUMBER_INVALID. */
export function readPage(ctx: RequestContext, { defaultPageSize, maxPageSize }: Limits): Page {
  const n = queryParameter(ctx, 'n');
  return {
    limit: n === undefined ? defaultPageSize : parsePageSize(n, maxPageSize),
    last: queryParameter(ctx, 'last') ?? '',
  };
}

/** Leads the client to the page after `last`. */
export function linkNext(
  ctx: RequestContext,
  page: Page,
  last: string,
  parameters: Readonly<Record<string, string>> = {},
): void {
  ctx.set('Link', nextLink(ctx.path, { ...parameters, n: page.limit, last }));
}
