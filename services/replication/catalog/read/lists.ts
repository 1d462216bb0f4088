import { RegistryError } from '#libs/oci/errors.ts';
import { parseRepositoryName } from '#libs/oci/name.ts';
import type { Catalog } from '#libs/rpc/contracts.ts';
import { answerPosition, freshen, type ReadOptions } from './freshen.ts';

/** The most names of one page; a caller that asks for more gets these, and `more`. */
export const MAX_PAGE_NAMES = 10_000;

/** `Catalog.ListTags`: in byte order. An unknown repository is looked up again after a barrier. */
export function createListTags(options: ReadOptions): Catalog['listTags'] {
  const { view, barrier } = options;
  return async (request, { signal }) => {
    const repository = parseRepositoryName(request.repository);
    const { confirmed, failure } = await freshen(options, repository, request.freshness, signal);
    const exists = (): boolean => view.repository(repository)?.state === 'active';
    if (!exists() && failure !== undefined) throw failure;
    if (!exists() && !confirmed) await barrier(signal);
    if (!exists()) throw new RegistryError('NAME_UNKNOWN', `There is no repository ${repository}.`);
    const names = page(request.limit, (limit) => view.tags(repository, request.last, limit));
    return { ...names, position: answerPosition(options) };
  };
}

/** `Catalog.ListRepositories`: in byte order. */
export function createListRepositories(options: ReadOptions): Catalog['listRepositories'] {
  const { view } = options;
  return async (request, { signal }) => {
    await freshen(options, undefined, request.freshness, signal);
    const names = page(request.limit, (limit) => view.repositories(request.last, limit));
    return { ...names, position: answerPosition(options) };
  };
}

/** One more than wanted is looked up, which tells whether there are more; after a page of none, nobody asks. */
function page(wanted: number, list: (limit: number) => string[]): { names: string[]; more: boolean } {
  const limit = Math.min(Math.max(0, wanted), MAX_PAGE_NAMES);
  const names = list(limit + 1);
  return { names: names.slice(0, limit), more: limit > 0 && names.length > limit };
}
