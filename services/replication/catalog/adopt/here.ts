import { isDigest, type Digest } from '#libs/oci/digest.ts';
import type { RepositoryName } from '#libs/oci/name.ts';
import type { Storage } from '#libs/rpc/contracts.ts';
import type { OwnershipView, Unowned } from '../view/view.ts';

export interface HereOptions {
  readonly view: OwnershipView;
  /** This region's. */
  readonly storage: Pick<Storage, 'pins'>;
}

/** Those whose content the repository has by now, with the size named, as far as the view and this region's pins tell. */
export async function hadHere(
  { view, storage }: HereOptions,
  unowned: readonly Unowned[],
  signal: AbortSignal,
): Promise<Unowned[]> {
  const had: Unowned[] = [];
  const unseen = new Map<RepositoryName, Unowned[]>();
  for (const row of unowned) {
    const { repository, digest, isManifest, size } = row;
    const known = isManifest ? view.manifestSize(repository, digest) : view.owns(repository, digest);
    if (known === size) had.push(row);
    else if (!isManifest && known === undefined) {
      unseen.set(repository, [...(unseen.get(repository) ?? []), row]);
    }
  }
  for (const [repository, rows] of unseen) {
    const digests = [...new Set(rows.map(({ digest }) => digest))];
    const { blobs } = await storage.pins({ repository, digests }, { signal });
    const sizes = new Map<Digest, number>();
    for (const { digest, size } of blobs) if (isDigest(digest)) sizes.set(digest, size);
    had.push(...rows.filter(({ digest, size }) => sizes.get(digest) === size));
  }
  return had;
}
