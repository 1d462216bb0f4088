import { RegistryError } from '#libs/oci/errors.ts';
import type { Transfer, Uploads } from '#libs/rpc/contracts.ts';
import { regionOfUpload } from '#libs/upload-id.ts';
import type { RegionView, RepositoryView, ViewState } from '../catalog/view/view.ts';
import { handOver, type HandOverOptions } from './hand-over.ts';
import { stateOf } from './own-state.ts';

export interface KeepElsewhereOptions extends HandOverOptions {
  readonly view: RegionView & RepositoryView & ViewState;
}

/**
 * `Transfer.KeepElsewhere`: what an upload or mount has just brought to a region that leaves is told to be there only once another region has it,
 * or it would go with this one.
 */
export function createKeepElsewhere(options: KeepElsewhereOptions): Transfer['keepElsewhere'] {
  const { view, region } = options;
  return async ({ repository, digest, size }, { signal }) => {
    const state = stateOf(view, region);
    if (state === 'active') return {};
    const left =
      state === 'removed' ? [digest] : await handOver(options, repository, [{ digest, size }], signal);
    if (left.length === 0) return {};
    throw new RegistryError(
      'UNAVAILABLE',
      `The region ${region} ${state === 'removed' ? 'was removed from the cluster' : 'is being drained'}, and no other region could take the ` +
        `blob ${digest} over. Try again, or push through another region.`,
      { retryAfterSeconds: 5 },
    );
  };
}

/** Uploads that other regions' front ends end here: they don't know what this region does not yet know of itself. */
export function endingElsewhere(uploads: Uploads, keepElsewhere: Transfer['keepElsewhere']): Uploads {
  return {
    ...uploads,
    finish: async (request, context) => {
      const blob = await uploads.finish(request, context);
      const { repository, digest } = request;
      await keepElsewhere(
        { region: regionOfUpload(request.id), repository, digest, size: blob.size, isNew: true },
        context,
      );
      return blob;
    },
  };
}
