import { setImmediate, setTimeout } from 'node:timers/promises';
import { CompactedError, FutureRevisionError } from '#libs/etcd/errors.ts';
import { prefixEnd } from '#libs/etcd/prefix.ts';
import type { KeyValueStore, WatchEvent } from '#libs/etcd/store.ts';
import { HEAD_KEY, PREFIX } from '../keys.ts';
import { headRecord } from '../records.ts';
import { loadView } from './load.ts';
import type { FedView } from './open-view.ts';

/** Most events applied in one turn of the event loop, unless one revision has more. */
const MAX_EVENTS_PER_TURN = 100;

const MIN_BACKOFF_MS = 100;
const MAX_BACKOFF_MS = 2_000;

export interface ViewFeed {
  /** Drops the watch, if there is one, and makes a new one, checking first whether the view can go on from where it is. */
  restart(reason: string): void;
  /** Ends when the loop has. */
  stop(): Promise<void>;
}

export interface ViewFeedOptions {
  readonly etcd: KeyValueStore;
  readonly view: FedView;
  /** Told of every disturbance, for the log; the feed goes on by itself. */
  readonly onDisturbance: (error: unknown) => void;
}

/**
 * Keeps the view up to date until it is stopped: watches from the last applied event, and loads the whole catalog where the view is
 * empty, its next revision compacted away, or its past not etcd's.
 */
export function feedView({ etcd, view, onDisturbance }: ViewFeedOptions): ViewFeed {
  const stopping = new AbortController();
  const { signal } = stopping;
  let watching = new AbortController();

  /** Ends with an error, always. */
  const follow = async (load: boolean): Promise<never> => {
    if (load || !(await continues(etcd, view, signal))) {
      await loadView(etcd, view.loadPath, signal);
      view.swap();
    }
    watching = new AbortController();
    await applyWatch(etcd, view, AbortSignal.any([signal, watching.signal]));
    throw new Error('The watch ended without an error.');
  };

  const loop = async (): Promise<void> => {
    let backoffMs = MIN_BACKOFF_MS;
    for (let load = false; ;) {
      const before = view.resumption().appliedRevision;
      const error: unknown = await follow(load).catch((reason: unknown) => reason);
      if (isAborted(signal)) return;
      onDisturbance(error);
      load = error instanceof CompactedError;
      if (view.resumption().appliedRevision > before) backoffMs = MIN_BACKOFF_MS;
      await setTimeout(backoffMs * (0.5 + Math.random() / 2), undefined, { signal }).catch(() => undefined);
      backoffMs = Math.min(2 * backoffMs, MAX_BACKOFF_MS);
    }
  };

  const running = loop();
  return {
    restart: (reason) => watching.abort(new Error(reason)),
    stop: async () => {
      stopping.abort(new Error('The view is being closed.'));
      await running;
    },
  };
}

/** A function, since TypeScript would take the first answer for the last. */
function isAborted(signal: AbortSignal): boolean {
  return signal.aborted;
}

/** Whether etcd's history at the view's revision is the one that the view has seen: a restored etcd may have counted on from elsewhere. */
async function continues(etcd: KeyValueStore, view: FedView, signal: AbortSignal): Promise<boolean> {
  const { appliedRevision, headRevision, headId } = view.resumption();
  if (headRevision === 0) return false;
  try {
    const { kvs } = await etcd.range({ key: HEAD_KEY, revision: appliedRevision }, signal);
    const [head] = kvs;
    if (head?.modRevision !== headRevision) return false;
    return headRecord.decode(head.value, HEAD_KEY).id === headId;
  } catch (error) {
    if (error instanceof CompactedError || error instanceof FutureRevisionError) return false;
    throw error;
  }
}

/** Applies what comes after the last event applied. Progress reports are left aside: only events move the view. */
async function applyWatch(etcd: KeyValueStore, view: FedView, signal: AbortSignal): Promise<void> {
  const fromRevision = view.resumption().appliedRevision + 1;
  const request = { key: PREFIX, rangeEnd: prefixEnd(PREFIX), fromRevision };
  for await (const { events } of etcd.watch(request, signal)) {
    await applyInTurns(view, events, signal);
  }
}

async function applyInTurns(
  view: FedView,
  events: readonly WatchEvent[],
  signal: AbortSignal,
): Promise<void> {
  for (let start = 0; start < events.length;) {
    signal.throwIfAborted();
    const end = endOfRevisions(events, start);
    view.apply(events.slice(start, end), events[end - 1]?.kv.modRevision ?? 0);
    start = end;
    await setImmediate();
  }
}

/** Where a run of whole revisions ends that begins at `start`. */
function endOfRevisions(events: readonly WatchEvent[], start: number): number {
  let end = Math.min(start + MAX_EVENTS_PER_TURN, events.length);
  while (end < events.length && events[end]?.kv.modRevision === events[end - 1]?.kv.modRevision) end++;
  return end;
}
