import { LRUCache } from 'lru-cache';

/** Repositories that are remembered; the ones forgotten only lose some of their head start. */
const MAX_REPOSITORIES = 1_000;
/** A push is over by then. */
const REMEMBER_MS = 600_000;

/**
 * Which regions were told of a repository's new blobs. They are asked to hold its manifest first, even where another region seems a little
 * nearer by now: they have most of it.
 */
export interface Told {
  note(repository: string, region: string): void;
  /** Those that were told come first; otherwise the order stays. */
  first<T extends { readonly region: string }>(repository: string, regions: readonly T[]): T[];
}

export function rememberTold(): Told {
  const regionsOf = new LRUCache<string, Set<string>>({ max: MAX_REPOSITORIES, ttl: REMEMBER_MS });
  return {
    note: (repository, region) => {
      const regions = regionsOf.get(repository) ?? new Set();
      regionsOf.set(repository, regions.add(region));
    },
    first: (repository, regions) => {
      const told = regionsOf.get(repository);
      if (told === undefined) return [...regions];
      return [
        ...regions.filter(({ region }) => told.has(region)),
        ...regions.filter(({ region }) => !told.has(region)),
      ];
    },
  };
}
