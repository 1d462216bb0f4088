import { once } from 'node:events';
import type { Auth } from '#libs/rpc/contracts.ts';
import type { AuthEntry } from '#types/meridian/v1/AuthEntry.ts';
import type { AuthFrame } from '#types/meridian/v1/AuthFrame.ts';
import type { Staleness } from '../staleness.ts';
import type { AuthChange, AuthView, ViewChange, ViewState } from '../view/view.ts';
import { changedEntries, entryOf } from './entries.ts';

/** Most records of one frame; the largest take some kilobytes each. */
const MAX_ENTRIES = 250;

export interface FollowAuthOptions {
  readonly view: ViewState & AuthView;
  readonly staleness: Staleness;
  /** This process's name, another one after each start. */
  readonly process: string;
  readonly frameEveryMs: number;
  /** Ends all streams. */
  readonly stopping: AbortSignal;
}

/** `Auth.Follow`: all there is, then each change in the turn of its coming, and again all where the view was made anew. */
export function createFollowAuth(options: FollowAuthOptions): Auth['follow'] {
  const { view, staleness, process, frameEveryMs, stopping } = options;
  return async function* (_request, { signal }) {
    const changes = collectChanges(view);
    const ended = AbortSignal.any([signal, stopping]);
    try {
      while (!ended.aborted) {
        const { reset, entries } = changes.take();
        const position = { ...view.position(), stalenessMs: staleness.ms() };
        const administered = view.isAdministered();
        yield* paged({ position, process, reset, entries, administered });
        await changes.next(AbortSignal.any([ended, AbortSignal.timeout(frameEveryMs)]));
      }
    } finally {
      changes.stop();
    }
  };
}

function* paged({ entries, reset, ...frame }: Omit<AuthFrame, 'more'>): Generator<AuthFrame> {
  let start = 0;
  do {
    const page = entries.slice(start, start + MAX_ENTRIES);
    const more = start + MAX_ENTRIES < entries.length;
    yield { ...frame, reset: reset && start === 0, more, entries: page };
    start += MAX_ENTRIES;
  } while (start < entries.length);
}

interface Changes {
  /** All records, or those that changed since the last call. */
  take(): { readonly reset: boolean; readonly entries: AuthEntry[] };
  /** Resolves when something has changed, or when the signal aborts. */
  next(signal: AbortSignal): Promise<void>;
  stop(): void;
}

function collectChanges(view: ViewState & AuthView): Changes {
  const changed = new EventTarget();
  let reset = true;
  let pending = new Map<string, AuthChange>();
  const collect = (change: ViewChange): void => {
    reset ||= change.reset;
    for (const one of change.auth) pending.set(`${one.kind}/${one.name}`, one);
    if (reset || pending.size > 0) changed.dispatchEvent(new Event('change'));
  };
  const unsubscribe = view.subscribe(collect);
  return {
    take: () => {
      const all = reset;
      const changes = pending;
      reset = false;
      pending = new Map();
      return {
        reset: all,
        entries: all ? view.authRows().map(entryOf) : changedEntries(view, changes.values()),
      };
    },
    next: async (signal) => {
      if (reset || pending.size > 0) return;
      await once(changed, 'change', { signal }).catch(() => undefined);
    },
    stop: unsubscribe,
  };
}
