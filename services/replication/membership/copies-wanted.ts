import type { Digest } from '#libs/oci/digest.ts';
import type { RepositoryName } from '#libs/oci/name.ts';
import { placedOf, type Placement } from '#libs/placement.ts';
import { placementBy, settingsInView } from '../catalog/configure/effective.ts';
import { MAX_OWNERS } from '../catalog/placement.ts';
import { regionsAsked } from '../catalog/push/durability.ts';
import type { OwnershipView, RegionView, RepositoryView } from '../catalog/view/view.ts';
import { activeOthers } from './others.ts';

/** Where the content of some repositories must be before a region can go. */
export interface WantedCopies {
  /** The other active regions where it may be. */
  readonly regions: readonly string[];
  /** In how many of these; one at least. */
  readonly count: number;
  readonly repository: RepositoryName;
}

/** Repositories of one blob that are looked at. */
const FIRST_OWNERS = 100;

/**
 * In which of the other active regions a blob must be before `region` can go: for each way in which the repositories that own it are placed, in as
 * many as their durability asks, but at most all.
 */
export function copiesWanted(
  view: OwnershipView & RegionView & RepositoryView,
  region: string,
): (digest: Digest) => readonly WantedCopies[] {
  const others = activeOthers(view, region);
  const known = new Map<RepositoryName, WantedCopies>();
  const wantedBy = (repository: RepositoryName): WantedCopies => {
    const settings = settingsInView(view, repository);
    const placement: Placement = placementBy(settings, repository);
    const regions = placedOf(placement, others);
    const asked = regionsAsked(settings.durability, others, placement);
    return { regions, count: Math.max(1, Math.min(regions.length, asked)), repository };
  };
  return (digest) => {
    const first = view.owners(digest, FIRST_OWNERS).repositories;
    const repositories = first.length < FIRST_OWNERS ? first : view.owners(digest, MAX_OWNERS).repositories;
    const different = new Map<string, WantedCopies>();
    for (const repository of repositories) {
      const wanted = known.get(repository) ?? wantedBy(repository);
      known.set(repository, wanted);
      different.set(
        wanted.regions.length === 0 ? repository : `${wanted.count} ${wanted.regions.join()}`,
        wanted,
      );
    }
    if (different.size === 0) return [{ regions: others, count: 1, repository: '' as RepositoryName }];
    return [...different.values()];
  };
}
