import { parseDigest, type Digest } from '#libs/oci/digest.ts';
import { RegistryError } from '#libs/oci/errors.ts';
import { parseRepositoryName } from '#libs/oci/name.ts';
import type { Catalog, Storage } from '#libs/rpc/contracts.ts';
import type { Referrer } from '#types/meridian/v1/Referrer.ts';
import type { ManifestRecord } from '../manifest-record.ts';
import { readManifest } from '../read-manifest.ts';
import { answerPosition, freshen, type ReadOptions } from './freshen.ts';

/** The most referrers of one page. */
export const MAX_PAGE_REFERRERS = 1_000;

/** Where a page ends early: a message of libs/rpc takes 8 MiB, and one referrer has at most a manifest's 4 MiB of annotations. */
const MAX_PAGE_BYTES = 3 * 1024 * 1024;

/** `Catalog.ListReferrers`: by digest. A subject or repository that is not there has none. */
export function createListReferrers(
  options: ReadOptions & { readonly storage: Pick<Storage, 'read'> },
): Catalog['listReferrers'] {
  const { view, storage } = options;
  return async (request, { signal }) => {
    const repository = parseRepositoryName(request.repository);
    const subject = parseDigest(request.digest);
    const limit = Math.min(Math.max(0, request.limit), MAX_PAGE_REFERRERS);
    await freshen(options, repository, request.freshness, signal);
    const { artifactType, last } = request;
    const rows =
      view.repository(repository)?.state === 'active'
        ? view.referrers(repository, subject, { artifactType, last, limit: limit + 1 })
        : [];
    const position = answerPosition(options);
    const referrers: Referrer[] = [];
    let bytes = 0;
    for (const { digest, record } of rows.slice(0, limit)) {
      const annotations = record.annotations ?? (await annotationsInBytes(storage, digest, record, signal));
      const { mediaType, size, artifactType = '' } = record;
      bytes += JSON.stringify(annotations).length;
      if (bytes > MAX_PAGE_BYTES && referrers.length > 0) break;
      referrers.push({ manifest: { digest, mediaType, size }, artifactType, annotations });
    }
    return { referrers, more: limit > 0 && referrers.length < rows.length, position };
  };
}

/** Annotations that were too long for the record. Where the bytes are not in this region yet, the referrer is listed without them. */
async function annotationsInBytes(
  storage: Pick<Storage, 'read'>,
  digest: Digest,
  { mediaType, size }: ManifestRecord,
  signal: AbortSignal,
): Promise<Record<string, string>> {
  try {
    return { ...(await readManifest(storage, { digest, mediaType, size }, signal)).annotations };
  } catch (error) {
    if (error instanceof RegistryError && error.code === 'BLOB_UNKNOWN') return {};
    throw error;
  }
}
