import { rmSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { RegistryError } from '#libs/oci/errors.ts';
import { makePrivateFile } from '#libs/private-file.ts';

/** Tables of another number are made anew: everything in them comes from etcd. */
const TABLES_VERSION = 6;

/*
 * Text is compared by bytes (SQLite's BINARY), as etcd orders keys. `content` has a row for each piece of content that a manifest owns;
 * its rank is the order of fetching: 0 manifests, 1 configs, 2 all else. `unowned` has one for each that it only names, foreign layers apart.
 * A repository's own regions are JSON.
 */
const TABLES = `
  CREATE TABLE meta (name TEXT PRIMARY KEY, value ANY NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE repositories (name TEXT PRIMARY KEY, state TEXT NOT NULL, record BLOB NOT NULL, regions TEXT) STRICT, WITHOUT ROWID;
  CREATE INDEX repositories_placed ON repositories (name, regions) WHERE regions IS NOT NULL;
  CREATE TABLE defaults (id INTEGER PRIMARY KEY, record BLOB NOT NULL) STRICT;
  CREATE TABLE manifests (
    id INTEGER PRIMARY KEY, repository TEXT NOT NULL, digest TEXT NOT NULL, size INTEGER NOT NULL, subject TEXT, artifact_type TEXT,
    record BLOB NOT NULL, UNIQUE (repository, digest)
  ) STRICT;
  CREATE INDEX manifests_by_subject ON manifests (repository, subject, digest) WHERE subject IS NOT NULL;
  CREATE INDEX manifests_by_digest ON manifests (digest, size, repository);
  CREATE TABLE content (
    manifest INTEGER NOT NULL, digest TEXT NOT NULL, repository TEXT NOT NULL, rank INTEGER NOT NULL, size INTEGER NOT NULL,
    PRIMARY KEY (manifest, digest)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX content_by_digest ON content (digest, repository, rank, size);
  CREATE TABLE unowned (
    repository TEXT NOT NULL, digest TEXT NOT NULL, named_by TEXT NOT NULL, is_manifest INTEGER NOT NULL, size INTEGER NOT NULL,
    PRIMARY KEY (repository, digest, named_by)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX unowned_by_manifest ON unowned (repository, named_by);
  CREATE TABLE tags (
    repository TEXT NOT NULL, tag TEXT NOT NULL, digest TEXT NOT NULL, media_type TEXT NOT NULL, size INTEGER NOT NULL,
    mod_revision INTEGER NOT NULL, PRIMARY KEY (repository, tag)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX tags_by_digest ON tags (repository, digest, tag);
  CREATE TABLE regions (name TEXT PRIMARY KEY, record BLOB NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE epochs (region TEXT PRIMARY KEY, epoch INTEGER NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE auth (
    kind TEXT NOT NULL, name TEXT NOT NULL, record BLOB NOT NULL, mod_revision INTEGER NOT NULL, PRIMARY KEY (kind, name)
  ) STRICT, WITHOUT ROWID;
  PRAGMA user_version = ${TABLES_VERSION};
`;

const SQLITE_BUSY = 5;
const SQLITE_CORRUPT = 11;
const SQLITE_NOTADB = 26;

/**
 * Opens the file, or makes it where it is missing, damaged or of another version. What was committed survives a crash of the machine
 * except for the last transactions, which etcd sends again. Throws CONFLICT when another process has it open.
 */
export function openDatabase(path: string): DatabaseSync {
  try {
    const db = open(path);
    if (db.prepare('PRAGMA user_version').get()?.['user_version'] === TABLES_VERSION) return db;
    db.close();
  } catch (error) {
    const { errcode } = error as { errcode?: number };
    if (errcode === SQLITE_BUSY) throw inUse(path, error);
    if (errcode !== SQLITE_CORRUPT && errcode !== SQLITE_NOTADB) throw error;
  }
  return createDatabase(path);
}

/** Makes the file anew, dropping what is there. */
export function createDatabase(path: string): DatabaseSync {
  removeDatabase(path);
  const db = open(path);
  inTransaction(db, () => db.exec(TABLES));
  return db;
}

export function removeDatabase(path: string): void {
  for (const suffix of ['', '-wal', '-shm', '-journal']) rmSync(path + suffix, { force: true });
}

/** All of `work` or, when it throws, nothing of it. */
export function inTransaction<T>(db: DatabaseSync, work: () => T): T {
  db.exec('BEGIN IMMEDIATE');
  try {
    const result = work();
    db.exec('COMMIT');
    return result;
  } catch (error) {
    if (db.isTransaction) db.exec('ROLLBACK');
    throw error;
  }
}

function inUse(path: string, cause: unknown): RegistryError {
  const message = `The view ${path} is in use by another process. Stop that one, or give this one a data directory of its own.`;
  return new RegistryError('CONFLICT', message, { cause });
}

function open(path: string): DatabaseSync {
  makePrivateFile(path);
  const db = new DatabaseSync(path);
  try {
    db.exec(
      'PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA cache_size = -16384;',
    );
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}
