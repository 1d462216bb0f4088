import { RegistryError } from '#libs/oci/errors.ts';
import { parseRepositoryName, type RepositoryName } from '#libs/oci/name.ts';
import { formatReference, parseReference, type Reference } from '#libs/oci/reference.ts';
import type { Catalog } from '#libs/rpc/contracts.ts';
import type { Descriptor } from '#types/meridian/v1/Descriptor.ts';
import { reuseOf } from '../configure/effective.ts';
import type { View } from '../view/view.ts';
import { answerPosition, freshen, type ReadOptions } from './freshen.ts';

/** `Catalog.Resolve`: what is absent from the view is looked up again after a barrier before anyone is told so. */
export function createResolve(options: ReadOptions): Catalog['resolve'] {
  const { view, barrier } = options;
  return async (request, { signal }) => {
    const repository = parseRepositoryName(request.repository);
    const reference = parseReference(request.reference);
    const { confirmed, failure } = await freshen(options, repository, request.freshness, signal);
    let manifest = look(view, repository, reference);
    if (manifest === undefined && failure !== undefined) throw failure;
    if (manifest === undefined && !confirmed) {
      await barrier(signal);
      manifest = look(view, repository, reference);
    }
    if (manifest !== undefined) {
      return { manifest, position: answerPosition(options), reuse: reuseOf(view, repository) };
    }
    throw new RegistryError(
      'MANIFEST_UNKNOWN',
      `The repository ${repository} has no manifest ${formatReference(reference)}.`,
    );
  };
}

function look(view: View, repository: RepositoryName, reference: Reference): Descriptor | undefined {
  if (view.repository(repository)?.state !== 'active') return undefined;
  if (reference.kind === 'tag') {
    const row = view.tag(repository, reference.tag);
    return row && { digest: row.digest, mediaType: row.mediaType, size: row.size };
  }
  const { digest } = reference;
  const record = view.manifest(repository, digest);
  return record === undefined ? undefined : { digest, mediaType: record.mediaType, size: record.size };
}
