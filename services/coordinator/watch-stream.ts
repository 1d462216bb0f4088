import type { WatchRequest } from '#types/etcdserverpb/WatchRequest.ts';
import type { WatchResponse } from '#types/etcdserverpb/WatchResponse.ts';
import { responseHeader } from './header.ts';
import type { Store } from './store.ts';
import { advance, createWatcher, isCaughtUp, isOvertaken, type Watcher } from './watcher.ts';

const MAX_WATCHERS_PER_STREAM = 1024;
/** The id of answers that concern no watcher. */
const NO_WATCHER = -1;

/** The watchers of one call and what to tell their client; makes no step by itself. */
export interface WatchStream {
  answer(request: WatchRequest): WatchResponse[];
  /** The next events of each watcher that has some; nothing once all are caught up. */
  step(): Generator<WatchResponse, void, undefined>;
  isCaughtUp(): boolean;
  /** The progress reports that are due: call it when all are caught up. */
  progress(due: 'asked' | 'interval'): WatchResponse[];
}

export function createWatchStream(store: Store): WatchStream {
  const watchers = new Map<number, Watcher>();
  let progressAsked = false;
  let nextId = 0;

  const response = (watchId: number, fields: Partial<WatchResponse>): WatchResponse => ({
    header: responseHeader(store),
    watchId,
    created: false,
    canceled: false,
    compactRevision: 0,
    cancelReason: '',
    fragment: false,
    events: [],
    ...fields,
  });
  const overtaken = (watcher: Watcher): WatchResponse => {
    watchers.delete(watcher.id);
    return response(watcher.id, { canceled: true, compactRevision: store.state().compactRevision });
  };
  const create = (request: NonNullable<WatchRequest['createRequest']>): WatchResponse[] => {
    const refuse = (cancelReason: string): WatchResponse[] => [
      response(NO_WATCHER, { created: true, canceled: true, cancelReason }),
    ];
    while (watchers.has(nextId)) nextId++;
    const id = request.watchId || nextId++;
    if (watchers.has(id)) return refuse('etcdserver: duplicate watch id provided on the watch stream');
    if (watchers.size >= MAX_WATCHERS_PER_STREAM)
      return refuse('etcdserver: too many watchers on the stream');
    let watcher: Watcher;
    try {
      watcher = createWatcher(id, request, store);
    } catch (error) {
      return refuse((error as Error).message);
    }
    watchers.set(id, watcher);
    const created = response(id, { created: true });
    return watcher.next < store.state().compactRevision ? [created, overtaken(watcher)] : [created];
  };
  const cancel = (id: number): WatchResponse[] =>
    watchers.delete(id) ? [response(id, { canceled: true })] : [];

  return {
    answer: ({ createRequest, cancelRequest, progressRequest }) => {
      if (createRequest) return create(createRequest);
      if (cancelRequest) return cancel(cancelRequest.watchId);
      if (progressRequest) progressAsked = true;
      return [];
    },
    *step() {
      for (const watcher of watchers.values()) {
        if (isOvertaken(watcher, store)) {
          yield overtaken(watcher);
          continue;
        }
        const events = isCaughtUp(watcher, store) ? [] : advance(watcher, store);
        if (events.length === 0) continue;
        watcher.quiet = false;
        yield response(watcher.id, { events });
      }
    },
    isCaughtUp: () => watchers.values().every((watcher) => isCaughtUp(watcher, store)),
    progress: (due) => {
      if (due === 'asked') {
        const answer = progressAsked ? [response(NO_WATCHER, {})] : [];
        progressAsked = false;
        return answer;
      }
      const reports = [...watchers.values()]
        .filter(({ progressNotify, quiet }) => progressNotify && quiet)
        .map(({ id, next }) => {
          const seen = Math.min(next - 1, store.state().revision);
          return response(id, { header: responseHeader(store, seen) });
        });
      for (const watcher of watchers.values()) watcher.quiet = true;
      return reports;
    },
  };
}
