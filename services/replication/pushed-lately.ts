import type { Digest } from '#libs/oci/digest.ts';
import type { RepositoryName } from '#libs/oci/name.ts';
import type { ManifestView, OwnershipView } from './catalog/view/view.ts';

/** Copies have mostly arrived by then, and the nearest region is as good as any. */
const LATELY_MS = 60_000;

/**
 * The region to which a manifest that names the content, or is it, was pushed a short while ago: the nearest one may not have a copy yet,
 * and to be told so takes a round trip. `nowMs` is in milliseconds since 1970.
 */
export function pushedLatelyTo(
  view: Pick<ManifestView, 'manifest'> & Pick<OwnershipView, 'namedBy'>,
  repository: RepositoryName,
  digest: Digest,
  nowMs: number,
): string | undefined {
  const [naming = digest] = view.namedBy(repository, digest, 1);
  const manifest = view.manifest(repository, naming);
  // The clocks of regions differ a little.
  const isLate = manifest !== undefined && Math.abs(nowMs - manifest.pushedAtMs) < LATELY_MS;
  return isLate ? manifest.where : undefined;
}
