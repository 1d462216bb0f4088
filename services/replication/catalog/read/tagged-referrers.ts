import type { Descriptor } from '#libs/oci/descriptor.ts';
import type { Digest } from '#libs/oci/digest.ts';
import { RegistryError } from '#libs/oci/errors.ts';
import { isIndexType, isManifestType } from '#libs/oci/mediatype.ts';
import type { RepositoryName } from '#libs/oci/name.ts';
import { referrersTag } from '#libs/oci/referrers-tag.ts';
import type { Storage } from '#libs/rpc/contracts.ts';
import type { Referrer } from '#types/meridian/v1/Referrer.ts';
import { readManifest } from '../read-manifest.ts';
import type { View } from '../view/view.ts';

/** How long a list waits for the tag's index to come from another region before it goes without. */
const FETCH_TIMEOUT_MS = 5_000;

export interface TaggedReferrersOptions {
  readonly view: View;
  readonly storage: Pick<Storage, 'read'>;
  /** Begins to bring a blob into this region; resolves once `storage` can be asked for it. */
  readonly fetch: (
    blob: { repository: string; digest: string; size: number },
    signal: AbortSignal,
  ) => Promise<unknown>;
}

/**
 * The referrers that clients which know no API for them keep in the index of a tag: those of its manifests that the repository has
 * and that do not name the subject themselves, by digest, each once. None where the tag points to no index, or to one that can't be read.
 */
export async function taggedReferrers(
  options: TaggedReferrersOptions,
  repository: RepositoryName,
  subject: Digest,
  signal: AbortSignal,
): Promise<Referrer[]> {
  const { view } = options;
  const tagged = view.tag(repository, referrersTag(subject));
  if (tagged === undefined || !isIndexType(tagged.mediaType)) return [];
  const referrers = new Map<Digest, Referrer>();
  for (const descriptor of await manifestsOf(options, repository, tagged, signal)) {
    const { digest, mediaType } = descriptor;
    if (!isManifestType(mediaType) || referrers.has(digest)) continue;
    const record = view.manifest(repository, digest);
    // One that was deleted is gone from here, too, although the index still names it.
    if (record === undefined || record.subject === subject) continue;
    referrers.set(digest, {
      manifest: { digest, mediaType, size: descriptor.size },
      artifactType: descriptor.artifactType ?? record.artifactType ?? '',
      annotations: { ...descriptor.annotations },
    });
  }
  return Array.from(referrers.keys())
    .sort()
    .flatMap((digest) => referrers.get(digest) ?? []);
}

/** Bytes that are damaged or no index, and an index that is nowhere to be had, are the mistake of who pushed it or pass: no list fails for them. */
async function manifestsOf(
  { storage, fetch }: TaggedReferrersOptions,
  repository: RepositoryName,
  index: { digest: Digest; mediaType: string; size: number },
  signal: AbortSignal,
): Promise<readonly Descriptor[]> {
  const limited = AbortSignal.any([signal, AbortSignal.timeout(FETCH_TIMEOUT_MS)]);
  try {
    try {
      return (await readManifest(storage, index, limited)).manifests;
    } catch (error) {
      if (!(error instanceof RegistryError) || error.code !== 'BLOB_UNKNOWN') throw error;
    }
    await fetch({ repository, digest: index.digest, size: index.size }, limited);
    return (await readManifest(storage, index, limited)).manifests;
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof RegistryError || limited.aborted) return [];
    throw error;
  }
}
