import { bounded } from '#libs/bounded.ts';
import { parseDigest, type Digest } from '#libs/oci/digest.ts';
import { RegistryError } from '#libs/oci/errors.ts';
import { parseRepositoryName, type RepositoryName } from '#libs/oci/name.ts';
import type { Catalog } from '#libs/rpc/contracts.ts';
import type { PinFinder } from '../collaborators.ts';
import { reuseOf } from '../configure/effective.ts';
import { isPlacedIn } from '../placement.ts';
import type { View } from '../view/view.ts';
import type { NoteUse } from './blob-use.ts';
import { answerPosition, freshen, type ReadOptions } from './freshen.ts';

/** Content is pinned when it is committed, and stays so for days: what a view does not show that was the catalog's a moment ago, the pins do. */
const PINS_SHOW_MS = 5_000;

/**
 * `Catalog.FindBlob`. What the view does not show is asked of the quorum and of the regions' pins at once: each alone can say yes, only both
 * together no. To who would upload the blob, all regions' pins say no as well as the quorum does, for less.
 */
export function createFindBlob(
  options: ReadOptions & { readonly region: string; readonly pins: PinFinder; readonly noteUse: NoteUse },
): Catalog['findBlob'] {
  const { region, view, barrier, pins, noteUse } = options;
  return async (request, { signal }) => {
    const repository = parseRepositoryName(request.repository);
    const digest = parseDigest(request.digest);
    const found = (size: number) => {
      // What must not be here is not to be kept by questions.
      if (request.forUpload && isPlacedIn(view, repository, region)) noteUse(repository, { digest, size });
      return { digest, size, position: answerPosition(options), reuse: reuseOf(view, repository) };
    };

    await freshen(options, repository, null, signal);
    const known = look(view, repository, digest);
    if (known !== undefined) return found(known);

    // A pin that is found may have ended since: what it shows is as old as the question, and nothing will tell of its end.
    const asked = answerPosition(options);
    using searching = bounded(signal);
    const search = pins.find(repository, [digest], searching.signal);
    const pinnedOnly = (size: number) => {
      const reuse = { ...reuseOf(view, repository), never: true };
      return { ...found(size), position: asked, reuse };
    };
    if (request.forUpload && asked.stalenessMs <= PINS_SHOW_MS && pins.reachesAll()) {
      const { sizes, unreachable } = await search;
      const size = sizes.get(digest);
      if (size !== undefined) return pinnedOnly(size);
      if (unreachable.length === 0) throw blobAbsent(repository, digest, []);
    }
    const [confirmation, pinned] = await Promise.allSettled([
      barrier(signal).then(() => {
        const size = look(view, repository, digest);
        if (size === undefined) return undefined;
        searching.abort(new Error('The catalog knows the blob.'));
        return found(size);
      }),
      search,
    ]);
    signal.throwIfAborted();
    const committed = confirmation.status === 'fulfilled' ? confirmation.value : undefined;
    if (committed !== undefined) return committed;
    if (pinned.status === 'rejected') throw pinned.reason;
    const size = pinned.value.sizes.get(digest);
    if (size !== undefined) return pinnedOnly(size);
    if (confirmation.status === 'rejected') throw confirmation.reason;
    throw blobAbsent(repository, digest, request.forUpload ? [] : pinned.value.unreachable);
  };
}

function look(view: View, repository: RepositoryName, digest: Digest): number | undefined {
  return view.repository(repository)?.state === 'deleting' ? undefined : view.owns(repository, digest);
}

/** BLOB_UNKNOWN, or UNAVAILABLE where regions could not be asked. */
export function blobAbsent(
  repository: RepositoryName,
  digest: Digest,
  unreachable: readonly string[],
): RegistryError {
  if (unreachable.length === 0) {
    return new RegistryError('BLOB_UNKNOWN', `The repository ${repository} has no blob ${digest}.`);
  }
  return new RegistryError(
    'UNAVAILABLE',
    `The blob ${digest} may have been uploaded through ${unreachable.join(', ')}, which can't be reached now; try again.`,
    { detail: { unreachable }, retryAfterSeconds: 5 },
  );
}
