import { EventEmitter } from 'node:events';
import type { Database, Identity } from './database.ts';
import { getNumber, setNumber } from './database.ts';
import { createCommits } from './commits.ts';
import { etcdError } from './errors.ts';
import { openHistory, type History } from './history.ts';
import { sweep } from './sweep.ts';
import { createWriter, type Writer } from './writer.ts';

export interface StoreState {
  readonly revision: number;
  /** The oldest revision that may be read; 0 before the first compaction. */
  readonly compactRevision: number;
  /** What lies before this revision and is no longer current is gone from the disk too. */
  readonly sweptRevision: number;
}

/** etcd's multi-version store on SQLite: revisions, group commit, compaction. */
export interface Store {
  readonly history: History;
  readonly identity: Identity;
  /** What is committed; never runs ahead of the disk. */
  state(): StoreState;
  /** Runs a transaction after those that came before it; answers once it is on disk. A throw undoes it. */
  write<T>(transaction: (writer: Writer) => T, signal: AbortSignal): Promise<T>;
  /** Forbids reading before `revision`; answers when that is on disk, or with `physical` when the space is free. */
  compact(revision: number, physical: boolean, signal: AbortSignal): Promise<void>;
  /** Resolves once every write that came before is on disk or refused. */
  drained(): Promise<void>;
  /** Calls `listener` after every commit, until the function it gives is called. */
  onCommit(listener: () => void): () => void;
}

export interface StoreOptions {
  readonly database: Database;
  /** Ends the work in the background. */
  readonly signal: AbortSignal;
  readonly onFault: (error: unknown) => void;
}

export function openStore({ database: { sql, identity }, signal, onFault }: StoreOptions): Store {
  const history = openHistory(sql);
  let applied: StoreState = {
    revision: history.lastRevision(),
    compactRevision: getNumber(sql, 'compact_revision', 0),
    sweptRevision: getNumber(sql, 'swept_revision', 0),
  };
  let committed = applied;
  const events = new EventEmitter().setMaxListeners(0);
  const mark = (): (() => void) => {
    const before = applied;
    return () => {
      applied = before;
    };
  };
  const commits = createCommits(
    sql,
    {
      mark,
      committed: () => {
        committed = applied;
        events.emit('commit');
      },
    },
    onFault,
  );

  const sweepOn = async (): Promise<void> => {
    while (committed.sweptRevision < committed.compactRevision)
      await commits.run(() => {
        const sweptRevision = sweep(sql, applied);
        setNumber(sql, 'swept_revision', sweptRevision);
        applied = { ...applied, sweptRevision };
      }, signal);
  };
  let sweeping = Promise.resolve();
  const startSweep = (): Promise<void> => {
    sweeping = sweeping.then(sweepOn).catch((error: unknown) => {
      if (!signal.aborted) onFault(error);
    });
    return sweeping;
  };
  startSweep().catch(onFault);

  return {
    history,
    identity,
    state: () => committed,
    write: (transaction, callSignal) =>
      commits.run(() => {
        const writer = createWriter(history, applied);
        const result = transaction(writer);
        applied = { ...applied, revision: writer.revision() };
        return result;
      }, callSignal),
    compact: async (revision, physical, callSignal) => {
      await commits.run(() => {
        if (revision <= applied.compactRevision) throw etcdError.compacted();
        if (revision > applied.revision) throw etcdError.futureRevision();
        setNumber(sql, 'compact_revision', revision);
        applied = { ...applied, compactRevision: revision };
      }, callSignal);
      const swept = startSweep();
      if (physical) await swept;
    },
    drained: () => commits.run(() => undefined, new AbortController().signal),
    onCommit: (listener) => {
      events.on('commit', listener);
      return () => events.off('commit', listener);
    },
  };
}
