import { parseRepositoryName } from '#libs/oci/name.ts';
import { isPlaced, notPlaced } from '#libs/placement.ts';
import type { Uploads } from '#libs/rpc/contracts.ts';
import { placementInView } from '../catalog/placement.ts';
import type { RepositoryView } from '../catalog/view/view.ts';

/** What other regions' front ends upload here: refused where the repository's content must not be in this region. */
export function placedUploads(uploads: Uploads, view: RepositoryView, region: string): Uploads {
  const requirePlaced = (repository: string): void => {
    const placement = placementInView(view, parseRepositoryName(repository));
    if (!isPlaced(placement, region)) throw notPlaced(repository, placement, region);
  };
  return {
    ...uploads,
    create: async (request, context) => {
      requirePlaced(request.repository);
      return uploads.create(request, context);
    },
    finish: async (request, context) => {
      requirePlaced(request.repository);
      return uploads.finish(request, context);
    },
  };
}
