import type { Event } from '#types/mvccpb/Event.ts';
import type { WatchCreateRequest } from '#types/etcdserverpb/WatchCreateRequest.ts';
import { unsupported } from './errors.ts';
import type { Version } from './history.ts';
import { parseKeyRange, type KeyRange } from './keyrange.ts';
import { keyValue } from './range.ts';
import type { Store } from './store.ts';

/** A watcher is a place in the history, not a queue: one that is slow costs nothing, and reads on from where it is. */
export interface Watcher {
  readonly id: number;
  readonly range: KeyRange;
  /** Asks for a sign of life when nothing happens. */
  readonly progressNotify: boolean;
  /** The first revision it has not read. */
  next: number;
  /** Nothing was sent to it since the last round of progress reports. */
  quiet: boolean;
}

/** A response ends after the revision that brings it to either of these; revisions are never split. */
const EVENTS_PER_RESPONSE = 1000;
const BYTES_PER_RESPONSE = 1024 * 1024;
/** The most revisions looked through before other calls get their turn. */
const REVISIONS_PER_TURN = 1000;

/** A watcher from the asked revision, or from the next one to come. */
export function createWatcher(id: number, request: WatchCreateRequest, store: Store): Watcher {
  if (request.prevKv || request.filters.length > 0) throw unsupported('prev_kv and filters of watches');
  return {
    id,
    range: parseKeyRange(request.key, request.rangeEnd),
    progressNotify: request.progressNotify,
    next: request.startRevision > 0 ? request.startRevision : store.state().revision + 1,
    quiet: true,
  };
}

/** Moves a watcher on and gives the events on its way; call it again until `isCaughtUp`. */
export function advance(watcher: Watcher, store: Store): Event[] {
  const to = Math.min(watcher.next + REVISIONS_PER_TURN, store.state().revision + 1);
  const events: Event[] = [];
  let bytes = 0;
  let revision = 0;
  for (const version of store.history.changes(watcher.range, watcher.next, to)) {
    const full = events.length >= EVENTS_PER_RESPONSE || bytes >= BYTES_PER_RESPONSE;
    if (full && version.revision !== revision) {
      watcher.next = version.revision;
      return events;
    }
    revision = version.revision;
    bytes += version.key.length + version.value.length;
    events.push(toEvent(version));
  }
  watcher.next = Math.max(watcher.next, to);
  return events;
}

/** Also true of a watcher that waits for a revision of the future. */
export function isCaughtUp(watcher: Watcher, store: Store): boolean {
  return watcher.next > store.state().revision;
}

/** True if events that the watcher has not read are gone, or may be. */
export function isOvertaken(watcher: Watcher, store: Store): boolean {
  return watcher.next < store.state().sweptRevision;
}

function toEvent(version: Version): Event {
  return { type: version.deleted ? 'DELETE' : 'PUT', kv: keyValue(version) };
}
