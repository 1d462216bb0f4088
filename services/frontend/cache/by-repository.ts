import { LRUCache } from 'lru-cache';

/** A bounded map from a repository and a name in it to a value, from which a whole repository can be dropped. */
export interface ByRepository<V extends object> {
  get(repository: string, name: string): V | undefined;
  set(repository: string, name: string, value: V): void;
  delete(repository: string, name: string): void;
  deleteRepository(repository: string): void;
  clear(): void;
}

// No repository name contains it.
const SEPARATOR = '\0';

export function cacheByRepository<V extends object>(options: {
  maxEntries: number;
  ttlMs?: number;
}): ByRepository<V> {
  const keysOf = new Map<string, Set<string>>();
  const entries = new LRUCache<string, V>({
    max: options.maxEntries,
    ...(options.ttlMs === undefined ? {} : { ttl: options.ttlMs }),
    dispose: (_value, key, reason) => {
      if (reason === 'set') return;
      const repository = key.slice(0, key.indexOf(SEPARATOR));
      const keys = keysOf.get(repository);
      keys?.delete(key);
      if (keys?.size === 0) keysOf.delete(repository);
    },
  });
  return {
    get: (repository, name) => entries.get(repository + SEPARATOR + name),
    set: (repository, name, value) => {
      const key = repository + SEPARATOR + name;
      entries.set(key, value);
      const keys = keysOf.get(repository);
      if (keys === undefined) keysOf.set(repository, new Set([key]));
      else keys.add(key);
    },
    delete: (repository, name) => void entries.delete(repository + SEPARATOR + name),
    deleteRepository: (repository) => {
      for (const key of Array.from(keysOf.get(repository) ?? [])) entries.delete(key);
    },
    clear: () => entries.clear(),
  };
}
