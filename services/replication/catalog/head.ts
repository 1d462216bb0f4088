import { abortable } from '#libs/abortable.ts';
import { bounded } from '#libs/bounded.ts';
import type { KeyValue, KeyValueStore } from '#libs/etcd/store.ts';
import { RegistryError } from '#libs/oci/errors.ts';
import type { Clock } from './collaborators.ts';
import { HEAD_KEY } from './keys.ts';
import { headRecord } from './records.ts';
import type { ViewPosition, ViewState } from './view/view.ts';

/** The catalog's newest revision as the quorum knew it at some moment after `startedAtMs` (monotonic). */
export interface Head extends ViewPosition {
  readonly startedAtMs: number;
}

export interface HeadReader {
  /**
   * Reads the head linearizably, in a read that starts after this call: whoever calls during a read shares the next one with all others,
   * so at most one read is under way and one waits. Throws UNAVAILABLE when the quorum doesn't answer within the deadline.
   */
  read(signal: AbortSignal): Promise<Head>;
}

export interface HeadReaderOptions {
  readonly etcd: KeyValueStore;
  readonly clock: Clock;
  readonly view: ViewState;
  readonly timeoutMs: number;
  readonly onHead: (head: Head) => void;
  /** The view is of another catalog, or ahead of what was read after it: etcd was exchanged or restored. */
  readonly onOtherHistory: () => void;
}

export function createHeadReader(options: HeadReaderOptions): HeadReader {
  const { etcd, clock, view, timeoutMs, onHead, onOtherHistory } = options;
  let running: Promise<Head> | undefined;
  let queued: Promise<Head> | undefined;

  const start = async (): Promise<Head> => {
    const startedAtMs = clock.monotonicMs();
    const before = view.position();
    const kv = await readHeadKey(etcd, timeoutMs);
    const { catalogId } = headRecord.decode(kv.value, HEAD_KEY);
    const head = { catalogId, revision: kv.modRevision, startedAtMs };
    if (before.catalogId !== catalogId || before.revision > head.revision) {
      onOtherHistory();
      throw unavailable(
        "has another history than this region's copy of the catalog, which is made anew",
        undefined,
      );
    }
    onHead(head);
    return head;
  };
  const run = (): Promise<Head> => {
    const read = start().finally(() => {
      if (running === read) running = undefined;
    });
    running = read;
    return read;
  };
  const join = (): Promise<Head> => {
    if (running === undefined && queued === undefined) return run();
    queued ??= (running ?? Promise.resolve()).then(noop, noop).then(() => {
      queued = undefined;
      return run();
    });
    return queued;
  };

  return { read: (signal) => abortable(join(), signal) };
}

/** The catalog's position, of `catalog/head` as a transaction read it. Throws UNAVAILABLE where it is missing. */
export function positionOfHead(head: KeyValue | undefined): ViewPosition {
  if (head === undefined) {
    const message = 'etcd holds no catalog; is it the right one, and was its data restored?';
    throw new RegistryError('UNAVAILABLE', message, { retryAfterSeconds: 5 });
  }
  return { catalogId: headRecord.decode(head.value, HEAD_KEY).catalogId, revision: head.modRevision };
}

async function readHeadKey(etcd: KeyValueStore, timeoutMs: number): Promise<KeyValue> {
  using limit = bounded(undefined, timeoutMs);
  try {
    const { kvs } = await etcd.range({ key: HEAD_KEY }, limit.signal);
    if (kvs[0] !== undefined) return kvs[0];
  } catch (cause) {
    throw unavailable('could not be reached', cause);
  }
  throw unavailable('holds no catalog', undefined);
}

function unavailable(why: string, cause: unknown): RegistryError {
  const message = `The answer needs etcd's quorum, which ${why}; try again.`;
  return new RegistryError('UNAVAILABLE', message, { cause, retryAfterSeconds: 5 });
}

function noop(): void {
  // The next read starts whichever way the one before it ended.
}
