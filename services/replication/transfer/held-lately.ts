import { LRUCache } from 'lru-cache';

/** The catalog's word of a push follows its hold at once, or the connection to etcd is away. */
const REMEMBER_MS = 30_000;
const MAX_BLOBS = 20_000;

/**
 * What this region's storage has just pinned, for a push through this region or another: when the push shows up in the catalog, there is no need to
 * look for its content again. What is lost meanwhile, a look at everything finds.
 */
export interface HeldLately {
  note(blobs: Iterable<{ readonly digest: string }>): void;
  /** The others of the blobs. */
  except<T extends { readonly digest: string }>(blobs: Iterable<T>): Iterable<T>;
  /** Something may have been lost. */
  forget(): void;
}

export function rememberHeld(): HeldLately {
  const held = new LRUCache<string, true>({ max: MAX_BLOBS, ttl: REMEMBER_MS });
  return {
    note: (blobs) => {
      for (const { digest } of blobs) held.set(digest, true);
    },
    except: (blobs) => Iterator.from(blobs).filter(({ digest }) => !held.has(digest)),
    forget: () => held.clear(),
  };
}
