import { beforeEach, describe, expect, it } from 'vitest';
import { cacheByRepository } from '#services/frontend/cache/by-repository.ts';
import { createCatalogCache, type CatalogCache } from '#services/frontend/cache/catalog-cache.ts';
import type { Frame } from '#types/meridian/v1/Frame.ts';
import type { Freshness } from '#types/meridian/v1/Freshness.ts';
import type { Position } from '#types/meridian/v1/Position.ts';
import type { Reuse } from '#types/meridian/v1/Reuse.ts';
import type { ResolvedManifest } from '#types/meridian/v1/ResolvedManifest.ts';

const settings = {
  maxCachedManifests: 100,
  maxCachedBlobs: 100,
  accessTtlMs: 60_000,
  maxFrameGapMs: 3000,
};
const any: Freshness = { strong: false, catalogId: '', minRevision: 0 };
const always: Reuse = { never: false, maxStalenessMs: 0, regions: [] };

let now = 0;
let cache: CatalogCache;
beforeEach(() => {
  now = 1000;
  cache = createCatalogCache({ settings, now: () => now });
});

const at = (revision: number, catalogId = 'c'): Position => ({ catalogId, revision, stalenessMs: 40 });
const frame = (revision: number, fields: Partial<Frame> = {}): Frame => ({
  position: at(revision),
  process: 'p1',
  reset: false,
  tags: [],
  repositories: [],
  regionState: 'active',
  elsewhere: [],
  placements: null,
  ...fields,
});
const answer = (revision: number, digest = 'd1', catalogId = 'c'): ResolvedManifest => ({
  manifest: { mediaType: 'm', digest, size: 1 },
  position: at(revision, catalogId),
  reuse: always,
});
const cached = (freshness = any): string | undefined =>
  cache.manifest('a/b', 'latest', freshness)?.manifest?.digest;
const blobSize = (): number | undefined => cache.blob('a/b', 'd')?.size;

describe('an answer is kept', () => {
  it('when it was read at the position of the frames or later', () => {
    cache.apply(frame(5));
    cache.keepManifest('a/b', 'latest', answer(5));
    cache.keepBlob('a/b', { digest: 'd', size: 9, position: at(6), reuse: always });
    expect(cached()).toBe('d1');
    expect(blobSize()).toBe(9);
  });

  it('not when a change it may have missed was told before it arrived', () => {
    cache.apply(frame(5));
    // Read at 5; then the tag moved at 6, and the frame that says so overtook the answer.
    cache.apply(frame(6, { tags: [{ repository: 'a/b', tag: 'latest' }] }));
    cache.keepManifest('a/b', 'latest', answer(5));
    cache.keepBlob('a/b', { digest: 'd', size: 9, position: at(5), reuse: always });
    expect(cached()).toBeUndefined();
    expect(blobSize()).toBeUndefined();
  });

  it('not before the first frame, nor from another catalog', () => {
    cache.keepManifest('a/b', 'latest', answer(5));
    cache.apply(frame(5));
    expect(cached()).toBeUndefined();
    cache.keepManifest('a/b', 'latest', answer(9, 'd1', 'other'));
    expect(cached()).toBeUndefined();
  });

  it('not when it misses a write that went through this front end, until frames catch up', () => {
    cache.apply(frame(5));
    cache.keepManifest('a/b', 'latest', answer(5));
    cache.wrote('a/b', at(8));
    expect(cached()).toBeUndefined();
    cache.keepManifest('a/b', 'latest', answer(7));
    expect(cached()).toBeUndefined();
    cache.apply(frame(7, { reset: true, process: 'p2' }));
    cache.keepManifest('a/b', 'latest', answer(7));
    expect(cached()).toBeUndefined();
    cache.keepManifest('a/b', 'latest', answer(8, 'd2'));
    expect(cached()).toBe('d2');
  });
});

describe('an answer of a repository with strong reads', () => {
  it('is never kept, and neither is one that does not say', () => {
    cache.apply(frame(5));
    for (const reuse of [{ never: true, maxStalenessMs: 0, regions: [] }, null]) {
      cache.keepManifest('a/b', 'latest', { ...answer(5), reuse });
      cache.keepBlob('a/b', { digest: 'd', size: 9, position: at(5), reuse });
      expect(cached()).toBeUndefined();
      expect(blobSize()).toBeUndefined();
    }
  });
});

describe('a kept answer is dropped', () => {
  beforeEach(() => {
    cache.apply(frame(5));
    cache.keepManifest('a/b', 'latest', answer(5));
    cache.keepManifest('a/b', 'other', answer(5, 'd2'));
    cache.keepBlob('a/b', { digest: 'd', size: 9, position: at(5), reuse: always });
  });

  it('when its tag changes, and only then', () => {
    cache.apply(frame(6, { tags: [{ repository: 'a', tag: 'latest' }], repositories: ['a', 'a/b/c'] }));
    expect(cached()).toBe('d1');
    cache.apply(frame(7, { tags: [{ repository: 'a/b', tag: 'latest' }] }));
    expect(cached()).toBeUndefined();
    expect(cache.manifest('a/b', 'other', any)?.manifest?.digest).toBe('d2');
    expect(blobSize()).toBe(9);
  });

  it('when its repository changes', () => {
    cache.apply(frame(6, { repositories: ['a/b'] }));
    expect(cached()).toBeUndefined();
    expect(blobSize()).toBeUndefined();
  });

  it('when default settings changed through this front end', () => {
    cache.wrote(undefined, at(6));
    expect(cached()).toBeUndefined();
    expect(blobSize()).toBeUndefined();
  });

  it.each<[string, Frame]>([
    ['the frame says reset', frame(6, { reset: true })],
    ['another process sends', frame(6, { process: 'p2' })],
    ['the catalog is another one', frame(6, { position: at(6, 'other') })],
    ['the position went back', frame(4)],
  ])('when %s', (_why, next) => {
    cache.apply(next);
    expect(cached()).toBeUndefined();
    expect(blobSize()).toBeUndefined();
  });

  it('when no frame came for three seconds, even if one comes then', () => {
    now += 2999;
    expect(cached()).toBe('d1');
    now += 1;
    expect(cached()).toBeUndefined();
    expect(blobSize()).toBeUndefined();
    cache.apply(frame(6));
    expect(cached()).toBeUndefined();
  });
});

describe('a kept answer is served', () => {
  beforeEach(() => {
    cache.apply(frame(5));
    cache.keepManifest('a/b', 'latest', answer(5));
  });

  it('with the position of the frames, and a staleness that grows', () => {
    cache.apply(frame(9));
    now += 500;
    const served = cache.manifest('a/b', 'latest', any);
    expect(served?.position).toEqual({ catalogId: 'c', revision: 9, stalenessMs: 540 });
  });

  it('not while the view is staler than its repository allows', () => {
    const reuse = { never: false, maxStalenessMs: 1000, regions: [] };
    cache.keepManifest('a/b', 'latest', { ...answer(5), reuse });
    cache.keepBlob('a/b', { digest: 'd', size: 9, position: at(5), reuse });
    now += 960;
    expect(cached()).toBe('d1');
    expect(blobSize()).toBe(9);
    now += 1;
    expect(cached()).toBeUndefined();
    expect(blobSize()).toBeUndefined();
    cache.apply(frame(6));
    expect(cached()).toBe('d1');
  });

  it('not to who asks for a strong read or for a revision beyond the position', () => {
    expect(cached({ ...any, strong: true })).toBeUndefined();
    expect(cached({ ...any, catalogId: 'c', minRevision: 5 })).toBe('d1');
    expect(cached({ ...any, catalogId: 'c', minRevision: 6 })).toBeUndefined();
    expect(cached({ ...any, catalogId: 'other', minRevision: 1 })).toBeUndefined();
    cache.apply(frame(6));
    expect(cached({ ...any, catalogId: 'c', minRevision: 6 })).toBe('d1');
  });
});

describe('cacheByRepository', () => {
  it('forgets the oldest beyond its bound, and a repository as a whole', () => {
    const small = cacheByRepository<{ n: number }>({ maxEntries: 3 });
    for (const n of [1, 2, 3, 4]) small.set('r', `k${n}`, { n });
    small.set('s', 'k', { n: 5 });
    expect(small.get('r', 'k1')).toBeUndefined();
    expect(small.get('r', 'k2')).toBeUndefined();
    expect(small.get('r', 'k4')).toEqual({ n: 4 });
    small.deleteRepository('r');
    expect(small.get('r', 'k4')).toBeUndefined();
    expect(small.get('s', 'k')).toEqual({ n: 5 });
  });
});
