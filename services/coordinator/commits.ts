import type { DatabaseSync } from 'node:sqlite';
import { etcdError, notCommitted } from './errors.ts';

/** Writers that arrive while the disk syncs share the next commit; this many at most. */
const MAX_WRITES_PER_COMMIT = 512;
const MAX_WRITES_WAITING = 8192;

export interface Commits {
  /**
   * Runs `write` in the order of arrival and answers when what it wrote is on disk. What it throws is thrown, and undoes only its own writing.
   * Not run at all if `signal` aborts first.
   */
  run<T>(write: () => T, signal: AbortSignal): Promise<T>;
}

/** What the writes change besides the database. */
export interface Applied {
  /** Gives a function that takes back what was changed since. */
  mark(): () => void;
  /** Everything up to now is on disk. */
  committed(): void;
}

interface Write {
  readonly attempt: () => void;
  readonly settle: () => void;
  readonly fail: (error: Error) => void;
}

/** Commits to SQLite in groups: one fsync answers every writer who was waiting for it. */
export function createCommits(
  sql: DatabaseSync,
  applied: Applied,
  onFault: (error: unknown) => void,
): Commits {
  const waiting: Write[] = [];
  const [begin, commit] = [sql.prepare('BEGIN IMMEDIATE'), sql.prepare('COMMIT')];

  const commitGroup = (): void => {
    const group = waiting.splice(0, MAX_WRITES_PER_COMMIT);
    if (waiting.length > 0) setImmediate(commitGroup);
    const undo = applied.mark();
    try {
      begin.run();
      for (const write of group) write.attempt();
      commit.run();
    } catch (error) {
      undo();
      if (sql.isTransaction) sql.exec('ROLLBACK');
      onFault(error);
      for (const write of group) write.fail(notCommitted(error));
      return;
    }
    applied.committed();
    for (const write of group) write.settle();
  };

  return {
    run: (write, signal) =>
      new Promise((resolve, reject) => {
        if (waiting.length >= MAX_WRITES_WAITING) throw etcdError.tooManyRequests();
        let settle = (): void => undefined;
        const attempt = (): void => {
          const undo = applied.mark();
          sql.exec('SAVEPOINT write');
          try {
            signal.throwIfAborted();
            const result = write();
            settle = () => resolve(result);
          } catch (error) {
            undo();
            sql.exec('ROLLBACK TO write');
            const reason = error instanceof Error ? error : new Error(String(error));
            settle = () => reject(reason);
          }
          sql.exec('RELEASE write');
        };
        if (waiting.length === 0) setImmediate(commitGroup);
        waiting.push({ attempt, settle: () => settle(), fail: reject });
      }),
  };
}
