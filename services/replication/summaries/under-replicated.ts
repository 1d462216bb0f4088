import type { Digest } from '#libs/oci/digest.ts';
import type {
  NamedView,
  OwnershipView,
  RegionView,
  RepositoryView,
  WantedBlob,
} from '../catalog/view/view.ts';
import { placesAnything } from '../catalog/placement.ts';
import { settingsInView } from '../catalog/configure/effective.ts';
import { regionsAsked } from '../catalog/push/durability.ts';
import { copiesWanted } from '../membership/copies-wanted.ts';
import type { Lack } from './compare.ts';

/** What is in fewer regions than the durability of the repositories that own it asks. */
export interface UnderReplicated {
  readonly blobs: number;
  readonly bytes: number;
  /** Manifests that are, or own, one of the blobs. */
  readonly images: number;
  /** Otherwise there are no more than so many blobs, and nothing is known of their bytes and images. */
  readonly exact: boolean;
}

/** Manifests of one blob that are counted. */
const MAX_NAMERS = 1_000;

/** `lacks` are those of all active regions, by name. */
export function underReplicated(
  lacks: ReadonlyMap<string, Lack>,
  view: NamedView & OwnershipView & RegionView & RepositoryView,
): UnderReplicated {
  const lacking = new Map<Digest, { blob: WantedBlob; regions: Set<string> }>();
  for (const [region, { each }] of lacks) {
    if (each === undefined) return atMost(lacks, view);
    for (const blob of each) {
      const regions = lacking.get(blob.digest)?.regions ?? new Set();
      lacking.set(blob.digest, { blob, regions: regions.add(region) });
    }
  }
  const copies = copiesWanted(view, '');
  const images = new Set<string>();
  const sum = { blobs: 0, bytes: 0 };
  for (const [digest, { blob, regions }] of lacking) {
    const isHeld = copies(digest).every((wanted) => {
      return wanted.regions.filter((region) => !regions.has(region)).length >= wanted.count;
    });
    if (isHeld) continue;
    sum.blobs += 1;
    sum.bytes += blob.size;
    for (const { repository, manifest } of view.namersOf(digest, MAX_NAMERS)) {
      images.add(`${repository}@${manifest}`);
    }
  }
  return { ...sum, images: images.size, exact: true };
}

/**
 * Each blob in fewer regions than the default durability asks is lacking in so many at least, and counts in each of these; one that may be in some
 * regions only, perhaps in one.
 */
function atMost(lacks: ReadonlyMap<string, Lack>, view: RepositoryView): UnderReplicated {
  const asked = regionsAsked(settingsInView(view).durability, [...lacks.keys()]);
  const lackingIn = placesAnything(view) ? 1 : lacks.size - asked + 1;
  const total = [...lacks.values()].reduce((sum, { blobs }) => sum + blobs, 0);
  return { blobs: Math.floor(total / Math.max(1, lackingIn)), bytes: 0, images: 0, exact: false };
}
