import type { FileHandle } from 'node:fs/promises';
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { setImmediate as turn } from 'node:timers/promises';

/** Most pieces of work that share one transaction. */
const MAX_BATCH = 256;
/** What may come later waits so long for a transaction to go with. */
const LATEST_MS = 50;

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
  readonly #begin: StatementSync;
  readonly #end: StatementSync;
  #queue: Work[] = [];
  #later: (() => void)[] = [];
  #isLaterDue = false;
  #draining: Promise<void> | undefined;
  /** Once the newest batch is on disk, or never will be. */
  #synced: Promise<void> = Promise.resolve();
  #failure: { error: unknown } | undefined;

  constructor(database: DatabaseSync, log: Log) {
    this.#database = database;
    this.#log = log;
    this.#begin = database.prepare('BEGIN IMMEDIATE');
    this.#end = database.prepare('COMMIT');
  }

  /** Runs `work`, which only executes statements, inside a transaction; resolves once that is on disk. If any of the batch fails, all do. */
  run(work: () => void): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#queue.push({ run: work, resolve, reject });
      this.#draining ??= this.#drain();
    });
  }

  /** Resolves once all that `run` has written by now is on disk; throws where it may never be. */
  async durable(): Promise<void> {
    await this.#synced;
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  /**
   * Runs `work` inside a transaction of its own, at once: it outlives the process, and a power cut only if it came some time later. What is durable
   * later is so only together with this.
   */
  note(work: () => void): void {
    if (this.#failure !== undefined) throw this.#failure.error;
    this.#transact([work]);
  }

  /** Runs `work` with the next transaction, ahead of it, or in a moment; a crash before that loses it. */
  later(work: () => void): void {
    this.#later.push(work);
    if (this.#isLaterDue) return;
    this.#isLaterDue = true;
    setTimeout(() => {
      this.#isLaterDue = false;
      try {
        this.settle();
      } catch {
        // It goes with the next transaction, which tells of what is wrong.
      }
    }, LATEST_MS).unref();
  }

  /** Runs what was put off, for who is about to read. */
  settle(): void {
    if (this.#later.length > 0) this.#transact([]);
  }

  /** Why nothing can be committed any more, until the service is started again; undefined while all is well. */
  get failure(): { readonly error: unknown } | undefined {
    return this.#failure;
  }

  /** Waits for what is under way, and does what was put off. */
  async idle(): Promise<void> {
    await this.#draining;
    this.settle();
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
    const synced = this.#sync();
    this.#synced = synced.catch(() => undefined);
    await synced;
  }

  async #sync(): Promise<void> {
    try {
      await this.#log.datasync();
    } catch (error) {
      // A second sync would succeed without the pages that the first one lost.
      this.#failure = { error };
      throw error;
    }
  }

  #transact(steps: readonly (() => void)[]): void {
    const later = this.#later;
    this.#later = [];
    try {
      this.#begin.run();
      for (const step of [...later, ...steps]) step();
      this.#end.run();
    } catch (error) {
      this.#later = [...later, ...this.#later];
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK');
      throw error;
    }
  }
}
