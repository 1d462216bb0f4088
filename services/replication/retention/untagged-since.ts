import { DatabaseSync } from 'node:sqlite';
import type { Digest } from '#libs/oci/digest.ts';
import type { RepositoryName } from '#libs/oci/name.ts';

/** A manifest that nothing keeps, and when it was pushed: a tag pushes it anew. */
export interface Untagged {
  readonly digest: Digest;
  readonly pushedAtMs: number;
}

/**
 * Since when manifests are untagged, as far as this process has seen: kept in a file of its own, so that a restart changes nothing. Without the
 * file everything begins anew, so a manifest goes later, never earlier.
 */
export interface UntaggedSince {
  /** Another catalog than the last time: begins anew. */
  begin(catalogId: string): void;
  /** Notes the manifests that are untagged now, and forgets all others of the repository; gives since when each is. */
  note(repository: RepositoryName, untagged: readonly Untagged[], nowMs: number): Map<Digest, number>;
  /** Forgets what was noted of a repository that keeps everything. */
  forget(repository: RepositoryName): void;
  close(): void;
}

export function openUntaggedSince(path: string): UntaggedSince {
  const db = new DatabaseSync(path);
  db.exec(`
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = NORMAL;
    CREATE TABLE IF NOT EXISTS untagged (
      repository TEXT NOT NULL, digest TEXT NOT NULL, pushed_at INTEGER NOT NULL, since INTEGER NOT NULL, seen INTEGER NOT NULL,
      PRIMARY KEY (repository, digest)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS catalog (id TEXT NOT NULL) STRICT;`);
  const catalog = db.prepare('SELECT id FROM catalog');
  const put = db.prepare(`
    INSERT INTO untagged VALUES (?1, ?2, ?3, ?4, 1)
    ON CONFLICT DO UPDATE SET since = iif(pushed_at = ?3, min(since, ?4), ?4), pushed_at = ?3, seen = 1`);
  const unsee = db.prepare('UPDATE untagged SET seen = 0 WHERE repository = ?');
  const dropUnseen = db.prepare('DELETE FROM untagged WHERE repository = ? AND seen = 0');
  const drop = db.prepare('DELETE FROM untagged WHERE repository = ?');
  const all = db.prepare('SELECT digest, since FROM untagged WHERE repository = ?');

  return {
    begin: (catalogId) => {
      if (catalog.get()?.['id'] === catalogId) return;
      atomically(db, () => {
        db.exec('DELETE FROM untagged; DELETE FROM catalog');
        db.prepare('INSERT INTO catalog VALUES (?)').run(catalogId);
      });
    },
    note: (repository, untagged, nowMs) => {
      atomically(db, () => {
        unsee.run(repository);
        for (const { digest, pushedAtMs } of untagged) put.run(repository, digest, pushedAtMs, nowMs);
        dropUnseen.run(repository);
      });
      const rows = all.all(repository) as unknown as { digest: Digest; since: number }[];
      return new Map(rows.map(({ digest, since }) => [digest, since]));
    },
    forget: (repository) => void drop.run(repository),
    close: () => db.close(),
  };
}

function atomically(db: DatabaseSync, work: () => void): void {
  db.exec('BEGIN IMMEDIATE');
  try {
    work();
    db.exec('COMMIT');
  } catch (error) {
    db.exec('ROLLBACK');
    throw error;
  }
}
