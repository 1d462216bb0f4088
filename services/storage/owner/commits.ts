import type { FileHandle } from 'node:fs/promises';
import type { DatabaseSync } from 'node:sqlite';
import { setImmediate as turn } from 'node:timers/promises';

/** Most pieces of work that share one transaction. */
const MAX_BATCH = 256;

interface Work {
  readonly run: () => void;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** The database's write-ahead log. */
type Log = Pick<FileHandle, 'datasync'>;

/**
 * Durable writes to the owner's database, many in one transaction: what comes while one commits goes into the next.
 *
 * The connection runs with `synchronous=NORMAL`, in which a commit is in the write-ahead log but not yet on disk, and the log is
 * synced here, off the event loop, before anyone is answered. That is all that FULL would do, without stopping every
 * other request of the process while the disk is busy.
 */
export class Commits {
  readonly #database: DatabaseSync;
  readonly #log: Log;
  #queue: Work[] = [];
  #draining: Promise<void> | undefined;
  #failure: { error: unknown } | undefined;

  constructor(database: DatabaseSync, log: Log) {
    this.#database = database;
    this.#log = log;
  }

  /** Runs `work`, which only executes statements, inside a transaction; resolves once that is on disk. If any of the batch fails, all do. */
  run(work: () => void): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#queue.push({ run: work, resolve, reject });
      this.#draining ??= this.#drain();
    });
  }

  /**
   * Runs `work` inside a transaction of its own, at once: it outlives the process, and a power cut only if it came some time later. What is durable
   * later is so only together with this.
   */
  note(work: () => void): void {
    if (this.#failure !== undefined) throw this.#failure.error;
    this.#transact([work]);
  }

  /** Why nothing can be committed any more, until the service is started again; undefined while all is well. */
  get failure(): { readonly error: unknown } | undefined {
    return this.#failure;
  }

  /** Waits for what is under way. */
  async idle(): Promise<void> {
    await this.#draining;
  }

  async #drain(): Promise<void> {
    while (this.#queue.length > 0) {
      // What else arrives in this turn of the event loop shares the commit.
      await turn();
      const batch = this.#queue.splice(0, MAX_BATCH);
      try {
        await this.#commit(batch);
        for (const { resolve } of batch) resolve();
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
    this.#draining = undefined;
  }

  async #commit(batch: readonly Work[]): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure.error;
    this.#transact(batch.map(({ run }) => run));
    try {
      await this.#log.datasync();
    } catch (error) {
      // A second sync would succeed without the pages that the first one lost.
      this.#failure = { error };
      throw error;
    }
  }

  #transact(steps: readonly (() => void)[]): void {
    this.#database.exec('BEGIN IMMEDIATE');
    try {
      for (const step of steps) step();
      this.#database.exec('COMMIT');
    } catch (error) {
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK');
      throw error;
    }
  }
}
