import type { Digest } from '#libs/oci/digest.ts';
import type { RepositoryName } from '#libs/oci/name.ts';
import { isPlaced, type Placement } from '#libs/placement.ts';
import { placementBy, settingsInView } from './configure/effective.ts';
import type { NamedView, OwnershipView, RepositoryView, WantedBlob } from './view/view.ts';

/*
 * Where content may be, as the view has it: the one place that answers this for everything that moves, keeps or removes content.
 */

/** Repositories of one blob that are looked at, and then, where none of these says yes, at most. */
const FIRST_OWNERS = 50;
export const MAX_OWNERS = 10_000;

/** Whether anything is placed at all; where nothing is, everything may be everywhere. */
export function placesAnything(view: RepositoryView): boolean {
  return (view.defaults()?.placements ?? []).length > 0 || view.placed().length > 0;
}

/** Another text after each change of where content may be. */
export function placementsOf(view: Pick<RepositoryView, 'defaults' | 'placed'>): string {
  return JSON.stringify([view.defaults()?.placements ?? [], view.placed()]);
}

/** The regions that the repository's content may be in; none: all. */
export function placementInView(view: RepositoryView, repository: RepositoryName): Placement {
  return placementBy(settingsInView(view, repository), repository);
}

export function isPlacedIn(view: RepositoryView, repository: RepositoryName, region: string): boolean {
  return isPlaced(placementInView(view, repository), region);
}

/** A question about many blobs: what is known of a repository is asked once. Not to be kept, since placements change. */
export interface PlacedHere {
  /** Whether the repository's content may be in the region. */
  repository(name: RepositoryName): boolean;
  /** Whether a manifest owns the blob in a repository whose content may be in the region. */
  blob(digest: Digest): boolean;
  /** Whether what a repository owns is wanted in the region, for that one or another. */
  wants(blob: WantedBlob): boolean;
  /** Those of the digests that the catalog names and wants in the region. Where a blob has too many repositories to look at, it is wanted. */
  named(view: NamedView, digests: readonly Digest[]): Set<Digest>;
}

export function placedHere(view: RepositoryView & OwnershipView, region: string): PlacedHere {
  const places = placesAnything(view);
  const known = new Map<string, boolean>();
  const repository = (name: RepositoryName): boolean => {
    if (!places) return true;
    const found = known.get(name) ?? isPlacedIn(view, name, region);
    known.set(name, found);
    return found;
  };
  const ownersOf = (digest: Digest): readonly RepositoryName[] => {
    const { repositories } = view.owners(digest, FIRST_OWNERS);
    if (repositories.length < FIRST_OWNERS || repositories.some(repository)) return repositories;
    return view.owners(digest, MAX_OWNERS).repositories;
  };
  return {
    repository,
    blob: (digest) => ownersOf(digest).some(repository),
    wants: (blob) => repository(blob.repository) || ownersOf(blob.digest).some(repository),
    named: (view, digests) => {
      const named = view.named(digests);
      if (!places) return named;
      const isWanted = (digest: Digest): boolean => {
        const owners = ownersOf(digest);
        return owners.length === 0 || owners.length === MAX_OWNERS || owners.some(repository);
      };
      return new Set([...named].filter(isWanted));
    },
  };
}
