import { LRUCache } from 'lru-cache';
import type { Digest } from '#libs/oci/digest.ts';
import type { RepositoryName } from '#libs/oci/name.ts';
import type { Storage } from '#libs/rpc/contracts.ts';

/** A pin lasts for days: within this time a second word of the same blob changes nothing. */
const REMEMBER_MS = 3_600_000;
const MAX_REMEMBERED = 50_000;

/** Takes note that a pusher was told that the repository has a blob. */
export type NoteUse = (repository: RepositoryName, blob: { digest: Digest; size: number }) => void;

/**
 * Who is told by HEAD that a blob is there does not upload it, so being told counts as use: the region pins what it holds of it anew. Nobody
 * waits for that.
 */
export function createNoteUse({
  storage,
  epoch,
  onFault,
}: {
  readonly storage: Pick<Storage, 'hold'>;
  readonly epoch: () => number;
  readonly onFault: (error: unknown) => void;
}): NoteUse {
  const noted = new LRUCache<string, true>({ max: MAX_REMEMBERED, ttl: REMEMBER_MS });
  return (repository, blob) => {
    const key = `${repository}@${blob.digest}`;
    if (noted.has(key)) return;
    noted.set(key, true);
    const { signal } = new AbortController();
    storage
      .hold({ pushId: '', repository, blobs: [blob], epoch: epoch(), unlessGivenUp: true }, { signal })
      .catch((error: unknown) => {
        noted.delete(key);
        onFault(error);
      });
  };
}
