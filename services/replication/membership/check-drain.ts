import { parseDigest, type Digest } from '#libs/oci/digest.ts';
import { parseRepositoryName, type RepositoryName } from '#libs/oci/name.ts';
import { placedOf } from '#libs/placement.ts';
import type { Reclaim, Storage } from '#libs/rpc/contracts.ts';
import type { BlobStat } from '#types/meridian/v1/BlobStat.ts';
import type { KeptPin } from '#types/meridian/v1/KeptPin.ts';
import type { Barrier } from '../catalog/barrier.ts';
import { placementInView } from '../catalog/placement.ts';
import type {
  NamedView,
  OwnershipView,
  RegionView,
  RepositoryView,
  ViewState,
} from '../catalog/view/view.ts';
import { copiesWanted } from './copies-wanted.ts';
import { handOver, type HandOverOptions } from './hand-over.ts';
import { askOthers } from './others.ts';
import type { MembershipSettings } from './settings.ts';

export interface CheckDrainOptions extends HandOverOptions {
  readonly view: ViewState & NamedView & OwnershipView & RegionView & RepositoryView;
  readonly barrier: Barrier;
  readonly storage: Pick<Storage, 'list' | 'stat' | 'stats'>;
  readonly reclaim: Pick<Reclaim, 'listPins'>;
  readonly settings: MembershipSettings;
}

/** Repositories that are named. */
const MAX_TOLD = 20;

/** What a check has found so far. */
export interface DrainCounts {
  checkedBlobs: number;
  soleBlobs: number;
  soleBytes: number;
  solePins: number;
  handedOver: number;
  openUploads: number;
  readonly unreachable: Set<string>;
  /** Repositories whose content may be in no other active region; some of them. */
  readonly placedHereOnly: Set<string>;
}

export function noCounts(): DrainCounts {
  return {
    ...{ checkedBlobs: 0, soleBlobs: 0, soleBytes: 0, solePins: 0, handedOver: 0, openUploads: 0 },
    unreachable: new Set(),
    placedHereOnly: new Set(),
  };
}

/**
 * Looks at all that this region holds: whether the catalog or a pin needs it, and whether the other active regions have it; pins that only this
 * region has are handed over. `counts` is filled as it goes; gives the catalog's revision that it went by. Throws UNAVAILABLE where the quorum
 * can't be reached.
 */
export async function checkDrain(
  options: CheckDrainOptions,
  counts: DrainCounts,
  signal: AbortSignal,
): Promise<number> {
  const { view, barrier, storage, settings } = options;
  await barrier(signal);
  const { revision } = view.position();
  const wanted = copiesWanted(view, options.region);
  let batch: BlobStat[] = [];
  const look = async (): Promise<void> => {
    await checkBlobs(options, wanted, batch, counts, signal);
    batch = [];
  };
  for await (const blob of storage.list({}, { signal })) {
    batch.push(blob);
    if (batch.length >= settings.checkBatch) await look();
  }
  if (batch.length > 0) await look();
  for await (const pins of pinPages(options, signal)) {
    for (const [repository, ofRepository] of Map.groupBy(pins, (pin) => pin.repository)) {
      await checkPins(options, parseRepositoryName(repository), ofRepository, counts, signal);
    }
  }
  counts.openUploads = (await storage.stats({}, { signal })).uploads;
  return revision;
}

/** Counts what the catalog wants and too few of the others hold. */
async function checkBlobs(
  { view, directory, region, settings }: CheckDrainOptions,
  wanted: ReturnType<typeof copiesWanted>,
  blobs: readonly BlobStat[],
  counts: DrainCounts,
  signal: AbortSignal,
): Promise<void> {
  const sizes = new Map<Digest, number>(blobs.map(({ digest, size }) => [parseDigest(digest), size]));
  const named = [...view.named([...sizes.keys()])];
  counts.checkedBlobs += blobs.length;
  if (named.length === 0) return;
  const holders = await askOthers(
    { view, directory, region, settings, counts },
    (peer, limited) => peer.stat({ digests: named }, { signal: limited }),
    signal,
  );
  for (const digest of named) {
    const missing = wanted(digest).filter(({ regions, count }) => {
      const copies = regions.filter((name) => holders.get(name)?.has(digest) === true).length;
      return copies < count;
    });
    if (missing.length === 0) continue;
    for (const { regions, repository } of missing) {
      if (regions.length === 0 && counts.placedHereOnly.size < MAX_TOLD)
        counts.placedHereOnly.add(repository);
    }
    counts.soleBlobs += 1;
    counts.soleBytes += sizes.get(digest) ?? 0;
  }
}

async function* pinPages(
  { reclaim, settings }: CheckDrainOptions,
  signal: AbortSignal,
): AsyncGenerator<KeptPin[], void, undefined> {
  const limit = settings.checkBatch;
  let last = { lastRepository: '', lastDigest: '' };
  for (;;) {
    const { pins } = await reclaim.listPins({ ...last, limit }, { signal });
    yield pins;
    const end = pins.at(-1);
    if (end === undefined || pins.length < limit) return;
    last = { lastRepository: end.repository, lastDigest: end.digest };
  }
}

/** What a repository owns by a manifest can be read without its pin; any other pin must be in another region too. */
async function checkPins(
  options: CheckDrainOptions,
  repository: RepositoryName,
  pins: readonly KeptPin[],
  counts: DrainCounts,
  signal: AbortSignal,
): Promise<void> {
  const { view, storage } = options;
  const untied = pins
    .map(({ digest }) => digest)
    .filter((digest) => view.owns(repository, parseDigest(digest)) === undefined);
  if (untied.length === 0) return;
  const { blobs } = await storage.stat({ digests: untied }, { signal });
  if (blobs.length === 0) return;
  const digests = blobs.map(({ digest }) => digest);
  const pinned = await askOthers(
    { ...options, counts },
    (peer, limited) => peer.pins({ repository, digests }, { signal: limited }),
    signal,
  );
  const regions = placedOf(placementInView(view, repository), [...pinned.keys()]);
  const sole = blobs.filter(({ digest }) => !regions.some((name) => pinned.get(name)?.has(digest) === true));
  const left = sole.length === 0 ? [] : await handOver(options, repository, sole, signal);
  if (left.length > 0 && regions.length === 0 && counts.placedHereOnly.size < MAX_TOLD) {
    counts.placedHereOnly.add(repository);
  }
  counts.handedOver += sole.length - left.length;
  counts.solePins += left.length;
}
