import { parseDigest, type Digest } from '#libs/oci/digest.ts';
import { RegistryError } from '#libs/oci/errors.ts';
import { parseRepositoryName } from '#libs/oci/name.ts';
import { isPlaced, notPlaced } from '#libs/placement.ts';
import type { Catalog, Storage } from '#libs/rpc/contracts.ts';
import type { Referrer } from '#types/meridian/v1/Referrer.ts';
import type { ManifestRecord } from '../manifest-record.ts';
import { placementInView } from '../placement.ts';
import { readManifest } from '../read-manifest.ts';
import { answerPosition, freshen, type ReadOptions } from './freshen.ts';
import { taggedReferrers, type TaggedReferrersOptions } from './tagged-referrers.ts';

/** The most referrers of one page. */
export const MAX_PAGE_REFERRERS = 1_000;

/** Where a page ends early, and a referrer goes without annotations: clients take no more than 4 MiB. A message of libs/rpc takes twice that. */
const MAX_PAGE_BYTES = 4 * 1024 * 1024 - 64 * 1024;

/**
 * `Catalog.ListReferrers`: by digest, those of the referrers' tag among them. A subject or repository that is not there has none. DENIED
 * where the repository's content must not be in this region.
 */
export function createListReferrers(
  options: ReadOptions & TaggedReferrersOptions & { readonly region: string },
): Catalog['listReferrers'] {
  const { region, view, storage } = options;
  return async (request, { signal }) => {
    const repository = parseRepositoryName(request.repository);
    const subject = parseDigest(request.digest);
    const limit = Math.min(Math.max(0, request.limit), MAX_PAGE_REFERRERS);
    await freshen(options, repository, request.freshness, signal);
    const regions = [...placementInView(view, repository)];
    // What is told of referrers comes from their bytes, too.
    if (!isPlaced(regions, region)) throw notPlaced(repository, regions, region);
    const { artifactType, last } = request;
    const isActive = view.repository(repository)?.state === 'active';
    const rows = isActive
      ? view.referrers(repository, subject, { artifactType, last, limit: limit + 1 })
      : [];
    const tagged = isActive ? await taggedReferrers(options, repository, subject, signal) : [];
    const wanted = tagged.filter(
      (referrer) =>
        digestIn(referrer) > last && (artifactType === '' || referrer.artifactType === artifactType),
    );
    const position = answerPosition(options);
    const referrers: Referrer[] = [];
    let bytes = 0;
    for (const next of merged(rows, wanted).slice(0, limit)) {
      const referrer = 'record' in next ? await referrerOf(storage, next, signal) : next;
      const size = Buffer.byteLength(JSON.stringify(referrer));
      if (bytes + size > MAX_PAGE_BYTES && referrers.length > 0) break;
      bytes += size;
      referrers.push(size > MAX_PAGE_BYTES ? { ...referrer, annotations: {} } : referrer);
    }
    return {
      referrers,
      more: limit > 0 && referrers.length < rows.length + wanted.length,
      position,
      regions,
    };
  };
}

interface Row {
  readonly digest: Digest;
  readonly record: ManifestRecord;
}

/** Both are by digest, and have none in common. */
function merged(rows: readonly Row[], tagged: readonly Referrer[]): (Row | Referrer)[] {
  return [...rows, ...tagged].sort((a, b) => (digestIn(a) < digestIn(b) ? -1 : 1));
}

function digestIn(entry: Row | Referrer): string {
  return 'record' in entry ? entry.digest : (entry.manifest?.digest ?? '');
}

async function referrerOf(
  storage: Pick<Storage, 'read'>,
  { digest, record }: Row,
  signal: AbortSignal,
): Promise<Referrer> {
  const { mediaType, size, artifactType = '' } = record;
  const annotations = record.annotations ?? (await annotationsInBytes(storage, digest, record, signal));
  return { manifest: { digest, mediaType, size }, artifactType, annotations };
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
