import type { Digest } from '#libs/oci/digest.ts';
import { RegistryError } from '#libs/oci/errors.ts';
import type { Manifest, ManifestReference } from '#libs/oci/manifest.ts';
import type { RepositoryName } from '#libs/oci/name.ts';
import type { FoundPins, PinFinder } from '../collaborators.ts';
import type { RecordedReference } from '../manifest-record.ts';
import type { OwnershipView } from '../view/view.ts';

/** The most digests that an error lists. */
const MAX_LISTED = 20;

export interface OwnershipOptions {
  readonly view: OwnershipView;
  readonly pins: PinFinder;
}

/**
 * What the manifest names, each digest once, with whether the repository has it. What it does not have is refused, foreign layers apart, or
 * where `missing` is `accept` recorded as not owned. Throws MANIFEST_BLOB_UNKNOWN, or UNAVAILABLE if what is missing may be pinned in a region
 * that can't be asked; MANIFEST_INVALID for wrong sizes.
 */
export async function resolveReferences(
  options: OwnershipOptions,
  repository: RepositoryName,
  manifest: Manifest,
  missing: 'refuse' | 'accept',
  signal: AbortSignal,
): Promise<RecordedReference[]> {
  const references = distinct(manifest.references);
  const named = references.map(({ descriptor: { digest }, role }) => ({
    digest,
    isManifest: role === 'manifest',
  }));
  const found = await findNamed(options, repository, named, signal);
  const { sizes } = found;

  const absent = references.filter(({ descriptor, foreign }) => !foreign && !sizes.has(descriptor.digest));
  if (absent.length > 0 && missing === 'refuse') throw notOwned(repository, absent, found);
  return references.map(({ descriptor, role }) => {
    const { digest, mediaType, size } = descriptor;
    checkSize(digest, size, sizes.get(digest));
    return { digest, mediaType, size, role, owned: sizes.has(digest) };
  });
}

/**
 * The sizes of what of this the repository has: by the view or by a pin in a live region. A child manifest must have been pushed as a
 * manifest, since a pin of its bytes says nothing of what it names.
 */
export async function findNamed(
  { view, pins }: OwnershipOptions,
  repository: RepositoryName,
  named: readonly { readonly digest: Digest; readonly isManifest: boolean }[],
  signal: AbortSignal,
): Promise<FoundPins> {
  const sizes = new Map<Digest, number>();
  const unseen: Digest[] = [];
  for (const { digest, isManifest } of named) {
    const size = isManifest ? view.manifestSize(repository, digest) : view.owns(repository, digest);
    if (size !== undefined) sizes.set(digest, size);
    else if (!isManifest) unseen.push(digest);
  }
  const found =
    unseen.length === 0
      ? { sizes: new Map<Digest, number>(), givenUp: new Set<Digest>(), unreachable: [] }
      : await pins.find(repository, unseen, signal);
  for (const [digest, size] of found.sizes) sizes.set(digest, size);
  return { ...found, sizes };
}

/** The first of each digest; a config that is a layer too stays a config. */
function distinct(references: readonly ManifestReference[]): ManifestReference[] {
  const byDigest = new Map<Digest, ManifestReference>();
  for (const reference of references) {
    const { digest, size } = reference.descriptor;
    const first = byDigest.get(digest);
    if (first === undefined) byDigest.set(digest, reference);
    else checkSize(digest, size, first.descriptor.size);
  }
  return [...byDigest.values()];
}

function checkSize(digest: Digest, named: number, actual: number | undefined): void {
  if (actual === undefined || actual === named) return;
  throw new RegistryError(
    'MANIFEST_INVALID',
    `The manifest says that ${digest} has ${named} bytes, but it has ${actual}.`,
  );
}

function notOwned(
  repository: RepositoryName,
  missing: readonly ManifestReference[],
  { unreachable }: FoundPins,
): RegistryError {
  const digests = missing.slice(0, MAX_LISTED).map(({ descriptor }) => descriptor.digest);
  const list = `${digests.join(', ')}${missing.length > MAX_LISTED ? ` and ${missing.length - MAX_LISTED} more` : ''}`;
  if (unreachable.length > 0 && missing.some(({ role }) => role !== 'manifest')) {
    return new RegistryError(
      'UNAVAILABLE',
      `The manifest names ${list}, which may have been uploaded through ${unreachable.join(', ')}; that can't be reached now. Try again.`,
      { detail: { digests, unreachable }, retryAfterSeconds: 5 },
    );
  }
  return new RegistryError(
    'MANIFEST_BLOB_UNKNOWN',
    `The manifest names ${list}, which the repository ${repository} does not have. Upload or mount blobs, and push child manifests, first.`,
    { detail: { digests } },
  );
}
