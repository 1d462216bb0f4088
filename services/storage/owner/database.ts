import { open, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as delay } from 'node:timers/promises';
import { Commits } from './commits.ts';

/** The owner's database; whoever has it open owns the data directory. */
export interface OwnerDatabase {
  readonly database: DatabaseSync;
  readonly commits: Commits;
  close(): Promise<void>;
}

const FORMAT = 1;
const SQLITE_BUSY = 5;
const RETRY_LOCK_MS = 100;
/** Pages of the log before it is copied into the database, which stops the event loop for a moment: 16 MiB. */
const CHECKPOINT_PAGES = 4096;

/**
 * Opens or makes the database. Waits up to `lockWaitMs` while another process has it, then throws. The lock is the
 * operating system's, so it ends with the process that holds it.
 */
export async function openOwnerDatabase(path: string, lockWaitMs: number): Promise<OwnerDatabase> {
  const database = await openLocked(path, lockWaitMs);
  let log: FileHandle;
  try {
    migrate(database, path);
    database.exec('PRAGMA synchronous = NORMAL');
    log = await open(`${path}-wal`, 'r+');
    // What a killed process has committed can be read again, but may not be on disk yet.
    await log.datasync();
    const directory = await open(dirname(path), 'r');
    await directory.sync().finally(() => directory.close());
  } catch (error) {
    database.close();
    throw error;
  }
  const commits = new Commits(database, log);
  return {
    database,
    commits,
    close: async () => {
      await commits.idle();
      await log.close();
      database.close();
    },
  };
}

async function openLocked(path: string, lockWaitMs: number): Promise<DatabaseSync> {
  const deadline = performance.now() + lockWaitMs;
  for (;;) {
    const database = new DatabaseSync(path, { timeout: 0 });
    try {
      // Exclusive mode keeps the lock from the first transaction until close.
      database.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL');
      database.exec(`PRAGMA wal_autocheckpoint = ${CHECKPOINT_PAGES}; BEGIN IMMEDIATE; COMMIT`);
      return database;
    } catch (error) {
      database.close();
      if ((error as { errcode?: number }).errcode !== SQLITE_BUSY) throw error;
      if (performance.now() >= deadline) {
        const sentence = `The data directory ${dirname(path)} is in use by another storage process. Stop that one, or choose another directory.`;
        throw new Error(sentence, { cause: error });
      }
    }
    await delay(RETRY_LOCK_MS);
  }
}

function migrate(database: DatabaseSync, path: string): void {
  const format = Number(database.prepare('PRAGMA user_version').get()?.['user_version']);
  if (format > FORMAT) {
    throw new Error(
      `${path} has format ${format}, which a newer Meridian has written; this one knows ${FORMAT}. Start the newer release.`,
    );
  }
  database.exec(`
    BEGIN IMMEDIATE;
    CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value ANY) STRICT, WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS uploads (
      id TEXT PRIMARY KEY,
      repository TEXT NOT NULL,
      algorithm TEXT NOT NULL,
      offset INTEGER NOT NULL, -- bytes that are durable
      created_at INTEGER NOT NULL, -- milliseconds since 1970, as all times here
      updated_at INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX IF NOT EXISTS uploads_by_update ON uploads (updated_at, id);
    CREATE TABLE IF NOT EXISTS pins (
      repository TEXT NOT NULL,
      digest TEXT NOT NULL,
      size INTEGER NOT NULL,
      epoch INTEGER NOT NULL,
      expires_at INTEGER NOT NULL, -- 0: given up
      PRIMARY KEY (repository, digest)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS unused (
      digest TEXT PRIMARY KEY,
      size INTEGER NOT NULL,
      since INTEGER NOT NULL,
      condemned_at INTEGER
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS verified (
      digest TEXT PRIMARY KEY,
      at INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS quarantined (
      digest TEXT PRIMARY KEY,
      size INTEGER NOT NULL, -- of what was found
      at INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX IF NOT EXISTS pins_by_digest ON pins (digest, repository);
    PRAGMA user_version = ${FORMAT};
    COMMIT;
  `);
}
