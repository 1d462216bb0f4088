import { LRUCache } from 'lru-cache';

/** Which regions sent wrong bytes for which blobs lately. */
export interface Suspects {
  /** A copy made of these regions' bytes failed verification. */
  blame(digest: string, regions: ReadonlySet<string>): void;
  /** The region no longer has the wrong bytes. */
  forgive(digest: string, region: string): void;
  /** Regions that alone made a wrong copy: they are not asked. */
  guilty(digest: string): ReadonlySet<string>;
  /** Regions that made a wrong copy together with others: they are asked last. */
  doubtful(digest: string): ReadonlySet<string>;
}

/** Wrong copies are rare; forgetting the oldest costs one more wrong copy at worst. */
const MAX_SUSPECTED_BLOBS = 10_000;

/** Suspicion ends `suspectMs` after the last wrong copy, for a damaged blob may have been healed by then. */
export function createSuspects(suspectMs: number): Suspects {
  const none: ReadonlySet<string> = new Set();
  const blamed = new LRUCache<string, { guilty: ReadonlySet<string>; doubtful: ReadonlySet<string> }>({
    max: MAX_SUSPECTED_BLOBS,
    ttl: suspectMs,
  });
  return {
    blame: (digest, regions) => {
      const { guilty = none, doubtful = none } = blamed.get(digest) ?? {};
      if (regions.size === 1) blamed.set(digest, { guilty: guilty.union(regions), doubtful });
      else blamed.set(digest, { guilty, doubtful: doubtful.union(regions) });
    },
    forgive: (digest, region) => {
      const { guilty = none, doubtful = none } = blamed.get(digest) ?? {};
      const forgiven = new Set([region]);
      blamed.set(digest, { guilty: guilty.difference(forgiven), doubtful: doubtful.difference(forgiven) });
    },
    guilty: (digest) => blamed.get(digest)?.guilty ?? none,
    doubtful: (digest) => blamed.get(digest)?.doubtful ?? none,
  };
}
