import type { Digest } from '#libs/oci/digest.ts';
import type { HeldBlob } from '../driver.ts';
import type { OwnerDatabase } from './database.ts';

/** What lies in quarantine, and since when, in milliseconds since 1970. */
export interface QuarantinedBlobs {
  /** Durable when it resolves; a blob that is there already begins anew. */
  note(blob: HeldBlob, now: number): Promise<void>;
  forget(digest: Digest): Promise<void>;
  since(digest: Digest): number | undefined;
  /** The oldest first. */
  all(): QuarantinedBlob[];
  totals(): { readonly blobs: number; readonly bytes: number };
}

export interface QuarantinedBlob extends HeldBlob {
  readonly at: number;
}

export function openQuarantinedBlobs({ database, commits }: OwnerDatabase): QuarantinedBlobs {
  const note = database.prepare('INSERT OR REPLACE INTO quarantined (digest, size, at) VALUES (?, ?, ?)');
  const forget = database.prepare('DELETE FROM quarantined WHERE digest = ?');
  const since = database.prepare('SELECT at FROM quarantined WHERE digest = ?');
  const all = database.prepare('SELECT digest, size, at FROM quarantined ORDER BY at, digest');
  const totals = database.prepare(
    'SELECT count(*) AS blobs, coalesce(sum(size), 0) AS bytes FROM quarantined',
  );
  return {
    note: ({ digest, size }, now) => commits.run(() => void note.run(digest, size, now)),
    forget: (digest) => commits.run(() => void forget.run(digest)),
    since: (digest) => since.get(digest)?.['at'] as number | undefined,
    all: () => all.all() as unknown as QuarantinedBlob[],
    totals: () => totals.get() as unknown as { blobs: number; bytes: number },
  };
}
