import { parseDigest, type Digest } from '#libs/oci/digest.ts';
import { RegistryError } from '#libs/oci/errors.ts';
import { parseRepositoryName, type RepositoryName } from '#libs/oci/name.ts';
import type { Catalog } from '#libs/rpc/contracts.ts';
import type { PinFinder } from '../collaborators.ts';
import type { View } from '../view/view.ts';
import { answerPosition, type ReadOptions } from './freshen.ts';

/**
 * `Catalog.FindBlob`. What the view does not show is asked of the quorum and of the regions' pins at once: each alone can say yes, only both
 * together no.
 */
export function createFindBlob(options: ReadOptions & { readonly pins: PinFinder }): Catalog['findBlob'] {
  const { view, barrier, pins } = options;
  return async (request, { signal }) => {
    const repository = parseRepositoryName(request.repository);
    const digest = parseDigest(request.digest);
    const found = (size: number) => ({ digest, size, position: answerPosition(options) });

    const known = look(view, repository, digest);
    if (known !== undefined) return found(known);

    const searching = new AbortController();
    const search = pins.find(repository, [digest], AbortSignal.any([signal, searching.signal]));
    const [confirmation, pinned] = await Promise.allSettled([
      barrier(signal).then(() => {
        const size = look(view, repository, digest);
        if (size !== undefined) searching.abort(new Error('The catalog knows the blob.'));
        return size;
      }),
      search,
    ]);
    signal.throwIfAborted();
    const committed = confirmation.status === 'fulfilled' ? confirmation.value : undefined;
    if (committed !== undefined) return found(committed);
    if (pinned.status === 'rejected') throw pinned.reason;
    const size = pinned.value.sizes.get(digest);
    if (size !== undefined) return found(size);
    if (confirmation.status === 'rejected') throw confirmation.reason;
    throw absent(repository, digest, request.forUpload ? [] : pinned.value.unreachable);
  };
}

function look(view: View, repository: RepositoryName, digest: Digest): number | undefined {
  return view.repository(repository)?.state === 'deleting' ? undefined : view.owns(repository, digest);
}

function absent(repository: RepositoryName, digest: Digest, unreachable: readonly string[]): RegistryError {
  if (unreachable.length === 0) {
    return new RegistryError('BLOB_UNKNOWN', `The repository ${repository} has no blob ${digest}.`);
  }
  return new RegistryError(
    'UNAVAILABLE',
    `The blob ${digest} may have been uploaded through ${unreachable.join(', ')}, which can't be reached now; try again.`,
    { detail: { unreachable }, retryAfterSeconds: 5 },
  );
}
