import type { Digest } from '#libs/oci/digest.ts';
import { settingsInView } from '../catalog/configure/effective.ts';
import { regionsAsked } from '../catalog/push/durability.ts';
import type { OwnershipView, RegionView, RepositoryView } from '../catalog/view/view.ts';
import { activeOthers } from './others.ts';

/** Repositories of one blob that are asked for their durability. */
const MAX_OWNERS = 100;

/**
 * In how many of the other active regions a blob must be before `region` can go: as many as the durability of the repositories that own it
 * asks, but at most all.
 */
export function copiesWanted(
  view: OwnershipView & RegionView & RepositoryView,
  region: string,
): (digest: Digest) => number {
  const others = activeOthers(view, region);
  const known = new Map<string, number>();
  return (digest) => {
    const { repositories } = view.owners(digest, MAX_OWNERS);
    const counts = repositories.map((repository) => {
      const count =
        known.get(repository) ?? regionsAsked(settingsInView(view, repository).durability, others.length);
      known.set(repository, count);
      return count;
    });
    return Math.max(1, Math.min(others.length, Math.max(0, ...counts)));
  };
}
