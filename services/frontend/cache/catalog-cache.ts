import type { Descriptor } from '#types/meridian/v1/Descriptor.ts';
import type { FoundBlob } from '#types/meridian/v1/FoundBlob.ts';
import type { Frame } from '#types/meridian/v1/Frame.ts';
import type { Freshness } from '#types/meridian/v1/Freshness.ts';
import type { Position } from '#types/meridian/v1/Position.ts';
import type { Reuse } from '#types/meridian/v1/Reuse.ts';
import type { ResolvedManifest } from '#types/meridian/v1/ResolvedManifest.ts';
import { cacheByRepository } from './by-repository.ts';

/**
 * Answers of the catalog that stay true until a frame says otherwise.
 *
 * The frames carry a position: every change up to it has been told. An answer read at an earlier revision may miss a change that was
 * told before the answer arrived, so it is not kept. One read at the position or later misses only changes that are still to be told.
 */
export interface CatalogCache {
  manifest(repository: string, reference: string, freshness: Freshness): ResolvedManifest | undefined;
  blob(repository: string, digest: string): FoundBlob | undefined;
  keepManifest(repository: string, reference: string, answer: ResolvedManifest): void;
  keepBlob(repository: string, answer: FoundBlob): void;
  /**
   * A write that went through this front end: what it changed, everything without a repository, is forgotten at once, and answers that may
   * miss it are not kept.
   */
  wrote(repository: string | undefined, position: Position | null): void;
  /** The next frame of the stream; the first of each stream has `reset` set. */
  apply(frame: Frame): void;
}

export interface CatalogCacheOptions {
  readonly settings: {
    readonly maxCachedManifests: number;
    readonly maxCachedBlobs: number;
    readonly accessTtlMs: number;
    readonly maxFrameGapMs: number;
  };
  /** Monotonic time in milliseconds. */
  readonly now: () => number;
}

export function createCatalogCache({ settings, now }: CatalogCacheOptions): CatalogCache {
  const manifests = cacheByRepository<{ manifest: Descriptor; reuse: Reuse }>({
    maxEntries: settings.maxCachedManifests,
  });
  const blobs = cacheByRepository<{ size: number; reuse: Reuse }>({
    maxEntries: settings.maxCachedBlobs,
    ttlMs: settings.accessTtlMs,
  });
  let told: { process: string; position: Position; at: number } | undefined;
  /** The newest write through this front end. */
  let written: Position | undefined;

  const fresh = (): Position | undefined => {
    if (told === undefined) return undefined;
    const ageMs = now() - told.at;
    if (ageMs >= settings.maxFrameGapMs) return undefined;
    return { ...told.position, stalenessMs: told.position.stalenessMs + Math.round(ageMs) };
  };
  const reaches = (position: Position, other: Position | undefined): boolean =>
    other?.catalogId !== position.catalogId || position.revision >= other.revision;
  const mayKeep = (position: Position | null): boolean =>
    position !== null &&
    position.catalogId === told?.position.catalogId &&
    reaches(position, told.position) &&
    reaches(position, written);
  const forget = (repository: string): void => {
    manifests.deleteRepository(repository);
    blobs.deleteRepository(repository);
  };
  const forgetAll = (): void => {
    manifests.clear();
    blobs.clear();
  };
  const isContinued = (frame: Frame, position: Position): boolean =>
    told !== undefined &&
    !frame.reset &&
    frame.process === told.process &&
    position.catalogId === told.position.catalogId &&
    reaches(position, told.position) &&
    now() - told.at < settings.maxFrameGapMs;

  return {
    manifest: (repository, reference, freshness) => {
      const position = fresh();
      if (position === undefined || !satisfies(position, freshness)) return undefined;
      const found = manifests.get(repository, reference);
      return found && allows(found.reuse, position) ? { ...found, position } : undefined;
    },
    blob: (repository, digest) => {
      const position = fresh();
      const found = position && blobs.get(repository, digest);
      return found && allows(found.reuse, position) ? { digest, ...found, position } : undefined;
    },
    keepManifest: (repository, reference, { manifest, position, reuse }) => {
      if (manifest === null || !isReusable(reuse) || !mayKeep(position)) return;
      manifests.set(repository, reference, { manifest, reuse });
    },
    keepBlob: (repository, { digest, size, position, reuse }) => {
      if (isReusable(reuse) && mayKeep(position)) blobs.set(repository, digest, { size, reuse });
    },
    wrote: (repository, position) => {
      if (repository === undefined) forgetAll();
      else forget(repository);
      if (position !== null && reaches(position, written)) written = position;
    },
    apply: (frame) => {
      if (frame.position === null) return;
      if (!isContinued(frame, frame.position)) forgetAll();
      for (const { repository, tag } of frame.tags) manifests.delete(repository, tag);
      for (const repository of frame.repositories) forget(repository);
      told = { process: frame.process, position: frame.position, at: now() };
    },
  };
}

function isReusable(reuse: Reuse | null): reuse is Reuse {
  return reuse !== null && !reuse.never;
}

function allows({ maxStalenessMs }: Reuse, { stalenessMs }: Position): boolean {
  return maxStalenessMs === 0 || stalenessMs <= maxStalenessMs;
}

function satisfies(position: Position, { strong, catalogId, minRevision }: Freshness): boolean {
  if (strong) return false;
  return minRevision === 0 || (catalogId === position.catalogId && position.revision >= minRevision);
}
