import { randomInt } from 'node:crypto';
import { closeSync, fsyncSync, mkdirSync, openSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { makePrivateFile } from '#libs/private-file.ts';

/** Who answers, for the header of every response. Small enough to be exact as JavaScript numbers. */
export interface Identity {
  readonly clusterId: number;
  readonly memberId: number;
  /** One more at every start. */
  readonly raftTerm: number;
}

export interface Database {
  readonly sql: DatabaseSync;
  readonly identity: Identity;
}

const MAX_ID = 2 ** 47;

/** Every version of every key: one row for each change. Rows of one revision are in `id` order. */
const SCHEMA = `
  CREATE TABLE IF NOT EXISTS number (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT;
  CREATE TABLE IF NOT EXISTS lease (id INTEGER PRIMARY KEY, ttl_seconds INTEGER NOT NULL) STRICT;
  CREATE TABLE IF NOT EXISTS history (
    id INTEGER PRIMARY KEY,
    revision INTEGER NOT NULL,
    key BLOB NOT NULL,
    deleted INTEGER NOT NULL,
    create_revision INTEGER NOT NULL,
    version INTEGER NOT NULL,
    lease INTEGER NOT NULL,
    value BLOB NOT NULL
  ) STRICT;
  CREATE UNIQUE INDEX IF NOT EXISTS history_by_key ON history (key, revision, deleted);
  CREATE INDEX IF NOT EXISTS history_by_revision ON history (revision);
  CREATE INDEX IF NOT EXISTS history_by_lease ON history (lease) WHERE lease <> 0;
`;

/**
 * Opens the coordinator's database in `dataDir`, making both if they are missing, and holds its lock until `sql` is closed. A commit is on disk
 * when it returns. Throws a sentence if another process has the lock.
 */
export function openDatabase(dataDir: string): Database {
  mkdirSync(dataDir, { recursive: true });
  const path = join(dataDir, 'coordinator.sqlite');
  makePrivateFile(path);
  const sql = new DatabaseSync(path);
  try {
    sql.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;');
    sql.exec(`BEGIN EXCLUSIVE; ${SCHEMA}`);
    const identity = {
      clusterId: numberOnce(sql, 'cluster_id', () => randomInt(1, MAX_ID)),
      memberId: numberOnce(sql, 'member_id', () => randomInt(1, MAX_ID)),
      raftTerm: numberOnce(sql, 'raft_term', () => 1) + 1,
    };
    setNumber(sql, 'raft_term', identity.raftTerm);
    sql.exec('COMMIT');
    syncDirectory(dataDir);
    syncDirectory(dirname(resolve(dataDir)));
    return { sql, identity };
  } catch (error) {
    sql.close();
    if ((error as { errcode?: number }).errcode !== SQLITE_BUSY) throw error;
    throw new Error(
      `Another coordinator is using ${dataDir}. Stop it first, or give this one a data directory of its own.`,
      { cause: error },
    );
  }
}

/** A number kept in the database; `fallback` where it was never set. */
export function getNumber(sql: DatabaseSync, name: string, fallback: number): number {
  const row = sql.prepare('SELECT value FROM number WHERE name = ?').get(name);
  return row === undefined ? fallback : Number(row['value']);
}

export function setNumber(sql: DatabaseSync, name: string, value: number): void {
  sql.prepare('INSERT OR REPLACE INTO number (name, value) VALUES (?, ?)').run(name, value);
}

const SQLITE_BUSY = 5;

function numberOnce(sql: DatabaseSync, name: string, make: () => number): number {
  const value = getNumber(sql, name, 0) || make();
  setNumber(sql, name, value);
  return value;
}

/** SQLite syncs its files, but not the directory entries that lead to them. */
function syncDirectory(path: string): void {
  const directory = openSync(path, 'r');
  try {
    fsyncSync(directory);
  } finally {
    closeSync(directory);
  }
}
