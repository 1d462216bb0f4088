import type { Digest } from '#libs/oci/digest.ts';
import type { HeldBlob } from '../driver.ts';
import type { OwnerDatabase } from './database.ts';

/**
 * The blobs that nothing names and nothing pins, on their way out: unused since a time, condemned from a time on. A pin takes a blob back in the same
 * transaction that makes it (`pins.ts`), so a row here and an unexpired pin never last together.
 */
export interface UnusedBlobs {
  /** Notes those that have no unexpired pin, and condemns those noted `graceMs` before `now`. */
  note(blobs: readonly HeldBlob[], now: number, graceMs: number): Promise<void>;
  /** Forgets them: they are used again, or gone. */
  forget(digests: readonly Digest[]): Promise<void>;
  find(digest: Digest): UnusedBlob | undefined;
  /** Up to `limit` blobs after the digest `last` that were condemned `graceMs` before `now`. */
  due(page: { readonly last: string; readonly limit: number }, now: number, graceMs: number): HeldBlob[];
}

/** Times are milliseconds since 1970. */
export interface UnusedBlob {
  readonly unusedSince: number;
  /** Null while it is not condemned. */
  readonly condemnedAt: number | null;
}

export function openUnusedBlobs({ database, commits }: OwnerDatabase): UnusedBlobs {
  const note = database.prepare(`
    INSERT INTO unused (digest, size, since)
    SELECT value ->> 'digest', value ->> 'size', ?2 FROM json_each(?1)
    WHERE NOT EXISTS (SELECT 1 FROM pins WHERE pins.digest = value ->> 'digest' AND expires_at > ?2)
    ON CONFLICT DO NOTHING`);
  const condemn = database.prepare(`
    UPDATE unused SET condemned_at = ?2
    WHERE condemned_at IS NULL AND since <= ?2 - ?3 AND digest IN (SELECT value ->> 'digest' FROM json_each(?1))`);
  const forget = database.prepare('DELETE FROM unused WHERE digest IN (SELECT value FROM json_each(?1))');
  const one = database.prepare(
    'SELECT since AS unusedSince, condemned_at AS condemnedAt FROM unused WHERE digest = ?',
  );
  const due = database.prepare(
    'SELECT digest, size FROM unused WHERE digest > ? AND condemned_at <= ? ORDER BY digest LIMIT ?',
  );
  return {
    note: (blobs, now, graceMs) =>
      commits.run(() => {
        const list = JSON.stringify(blobs);
        note.run(list, now);
        condemn.run(list, now, graceMs);
      }),
    forget: (digests) => commits.run(() => void forget.run(JSON.stringify(digests))),
    find: (digest) => one.get(digest) as UnusedBlob | undefined,
    due: ({ last, limit }, now, graceMs) => due.all(last, now - graceMs, limit) as unknown as HeldBlob[],
  };
}
