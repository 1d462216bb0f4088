import type { WatchBatch, WatchEvent } from './store.ts';

/** Puts the events of a watch together to whole revisions. */
export interface RevisionAssembler {
  /** Gives what is whole after these events; `partial` says that more of the last revision may follow. */
  readonly add: (events: readonly WatchEvent[], partial: boolean) => WatchBatch | undefined;
}

/**
 * etcd never splits a revision unless a response is too large for one message; then only its last part says that it is the last. Events
 * before `fromRevision` are dropped; one out of order is an error, for then something was sent twice or left out.
 */
export function assembleRevisions(fromRevision: number): RevisionAssembler {
  let held: WatchEvent[] = [];
  let done = fromRevision - 1;
  return {
    add: (events, partial) => {
      let newest = held.at(-1)?.kv.modRevision ?? done;
      for (const event of events) {
        const revision = event.kv.modRevision;
        if (revision < fromRevision) continue;
        if (revision < newest || revision <= done)
          throw new Error(`revision ${revision} came after revision ${Math.max(newest, done)}`);
        newest = revision;
        held.push(event);
      }
      const whole = partial ? held.filter(({ kv }) => kv.modRevision < newest) : held;
      held = held.slice(whole.length);
      const last = whole.at(-1);
      if (last === undefined) return undefined;
      done = last.kv.modRevision;
      return { revision: done, events: whole };
    },
  };
}
