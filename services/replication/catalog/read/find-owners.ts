import { parseDigest } from '#libs/oci/digest.ts';
import type { Catalog } from '#libs/rpc/contracts.ts';
import type { OwnerFinder } from '../collaborators.ts';
import { isPlacedIn } from '../placement.ts';
import type { OwnershipView, RepositoryView } from '../view/view.ts';

/** The most repositories that one answer names. */
const MAX_OWNERS = 1_000;

/** `Catalog.FindOwners`: those that manifests tell of, or else those that pins do; none whose content must not be in the region that is named. */
export function createFindOwners({
  view,
  pins,
}: {
  readonly view: OwnershipView & RepositoryView;
  readonly pins: OwnerFinder;
}): Catalog['findOwners'] {
  return async (request, { signal }) => {
    const digest = parseDigest(request.digest);
    const limit = Math.min(Math.max(0, request.limit), MAX_OWNERS);
    const owners = view.owners(digest, limit);
    const { repositories, size } =
      owners.repositories.length > 0 ? owners : await pins.owners(digest, limit, signal);
    return { repositories: repositories.filter((name) => isPlacedIn(view, name, request.region)), size };
  };
}
