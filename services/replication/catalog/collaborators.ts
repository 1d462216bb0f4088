import type { Digest } from '#libs/oci/digest.ts';
import type { RepositoryName } from '#libs/oci/name.ts';
import type { BlobBytes } from '#types/meridian/v1/BlobBytes.ts';

/*
 * What the catalog needs of the part that moves blobs between regions.
 */

/** Content by its digest; `size` in bytes. */
export interface Content {
  readonly digest: Digest;
  readonly size: number;
}

export interface PinFinder {
  /**
   * Asks this region's storage and every other active region which of the digests they hold whole and pinned for the repository, within a
   * deadline of the implementation's. May return as soon as all are found. Throws only if `signal` aborts.
   */
  find(repository: RepositoryName, digests: readonly Digest[], signal: AbortSignal): Promise<FoundPins>;
  /** Whether all regions are known and seem to be there to be asked. */
  reachesAll(): boolean;
}

export interface FoundPins {
  /** The sizes, in bytes, of those that are pinned somewhere. */
  readonly sizes: ReadonlyMap<Digest, number>;
  /** Those that the repository gave up in a region that answered. */
  readonly givenUp: ReadonlySet<Digest>;
  /** Active regions that did not answer: what is not found may be pinned there. */
  readonly unreachable: readonly string[];
}

export interface OwnerFinder {
  /**
   * Asks this region's storage, and if that knows nobody every other live region, which repositories have the blob pinned: up to `limit`, by
   * name. Regions that don't answer are left out. Throws only if `signal` aborts.
   */
  owners(digest: Digest, limit: number, signal: AbortSignal): Promise<BlobOwners>;
}

/** Repositories that have a blob of `size` bytes; 0 where there are none. */
export interface BlobOwners {
  readonly repositories: readonly RepositoryName[];
  readonly size: number;
}

export interface Unpinner {
  /**
   * Has this region's storage and each of the others named give the repository's pins of the digest up, within a deadline of the
   * implementation's. Throws only if `signal` aborts.
   */
  unpin(
    repository: RepositoryName,
    digest: Digest,
    regions: readonly string[],
    signal: AbortSignal,
  ): Promise<Unpinned>;
}

export interface Unpinned {
  /** Regions where there is no pin any more. */
  readonly done: readonly string[];
  /** Whether one of these had a pin. */
  readonly pinned: boolean;
  /** Regions that did not answer: there may still be a pin. */
  readonly unreachable: readonly string[];
}

/** What is pinned in all regions. */
export interface RegionPins extends PinFinder, OwnerFinder, Unpinner {}

export interface HoldRequest {
  readonly pushId: string;
  readonly repository: RepositoryName;
  /** Each digest once. */
  readonly blobs: readonly Content[];
  /** Bytes of some of them, for regions that miss these: what is small is here sooner than it could be fetched. */
  readonly along?: readonly BlobBytes[];
  /** The region that pushes, which has most of it. */
  readonly from: string;
  /** The regions that count, by name: the active ones, this one among them unless it is draining. */
  readonly regions: readonly string[];
  /** How many of them must hold all of it. */
  readonly wanted: number;
  readonly timeoutMs: number;
}

export interface Holder {
  /**
   * Has regions fetch what they miss of the blobs and pin all of them: this region first, then the others, nearest first. Returns as soon as
   * `wanted` regions hold everything, or when that can't be reached any more or `timeoutMs` are over; then with fewer. Pins stay in any
   * case. Throws only if `signal` aborts.
   */
  hold(request: HoldRequest, signal: AbortSignal): Promise<Held>;
}

export interface Held {
  /** The collection epoch that the pins carry, of each region that holds everything. */
  readonly epochs: ReadonlyMap<string, number>;
  /** Regions that were asked and do not hold everything. */
  readonly missing: readonly string[];
}

/** How this region stands to what it should hold and to the other regions, for `Catalog.Status`. */
export interface TransferStatus {
  readonly watermark: number;
  readonly missingBlobs: number;
  readonly missingBytes: number;
  readonly lostBlobs: number;
  readonly regions: readonly RegionReach[];
}

export interface RegionReach {
  readonly region: string;
  readonly live: boolean;
  readonly roundTripMs: number;
}

/** Milliseconds that never jump, for how long things took, and those since 1970, for records. */
export interface Clock {
  monotonicMs(): number;
  nowMs(): number;
}

export const systemClock: Clock = { monotonicMs: () => performance.now(), nowMs: () => Date.now() };
