import { setTimeout } from 'node:timers/promises';
import type { Clock } from './collaborators.ts';
import type { Head, HeadReader } from './head.ts';
import { hasReached } from './view/reached.ts';
import type { FedView } from './view/open-view.ts';

/** What is answered while nothing is known. */
const UNKNOWN_MS = 2 ** 31 - 1;

/** Heads that the view has not reached; more than these are not kept, which can only make staleness look greater. */
const MAX_WAITING = 64;

/** How often the moment is kept that a restarted process counts from. */
const KEEP_EVERY_MS = 10_000;

export interface Staleness {
  /** Milliseconds since the start of the latest head read that the view has reached. */
  ms(): number;
  /** Takes note of a head that was read. */
  observe(head: Head): void;
  /** For how long the view has stood still although a known head is ahead of it; 0 while none is. */
  stuckMs(): number;
  close(): void;
}

export function createStaleness(view: FedView, clock: Clock): Staleness {
  const keptMs = view.freshAtMs();
  const started = clock.monotonicMs();
  /** On the monotonic clock; before this process's start where the kept view was fresh then. */
  let freshSince = keptMs === 0 ? -Infinity : started - Math.max(0, clock.nowMs() - keptMs);
  let keptAt = -Infinity;
  let movedAt = started;
  let waiting: Head[] = [];
  let closed = false;

  const settle = (): void => {
    const position = view.position();
    const reached = waiting.findLastIndex((head) => hasReached(position, head));
    const head = waiting[reached];
    if (head === undefined) return;
    freshSince = Math.max(freshSince, head.startedAtMs);
    // Those before it are reached too, or of a history that is no more.
    waiting = waiting.slice(reached + 1);
    if (!closed && freshSince >= keptAt + KEEP_EVERY_MS) {
      keptAt = freshSince;
      view.setFreshAtMs(Math.round(clock.nowMs() - (clock.monotonicMs() - freshSince)));
    }
  };
  const unsubscribe = view.subscribe(() => {
    movedAt = clock.monotonicMs();
    settle();
  });

  return {
    ms: () => Math.min(UNKNOWN_MS, Math.max(0, Math.round(clock.monotonicMs() - freshSince))),
    observe: (head) => {
      if (waiting.length === 0) movedAt = clock.monotonicMs();
      const newest = waiting.at(-1);
      if (newest?.revision === head.revision && newest.catalogId === head.catalogId) waiting.pop();
      if (waiting.length < MAX_WAITING) waiting.push(head);
      settle();
    },
    stuckMs: () => (waiting.length === 0 ? 0 : clock.monotonicMs() - movedAt),
    close: () => {
      closed = true;
      unsubscribe();
    },
  };
}

export interface StalenessWatch {
  readonly heads: HeadReader;
  readonly staleness: Staleness;
  readonly onStuck: () => void;
  readonly everyMs: number;
  readonly maxStuckMs: number;
}

/**
 * Reads the head once every `everyMs` until `signal` aborts, so that staleness is known without anyone asking, and reports a view that
 * is stuck, once every `maxStuckMs`. Errors are left to staleness to show.
 */
export async function watchStaleness(
  { heads, staleness, onStuck, everyMs, maxStuckMs }: StalenessWatch,
  signal: AbortSignal,
): Promise<void> {
  let reportedAtMs = 0;
  while (!signal.aborted) {
    await heads.read(signal).catch(() => undefined);
    const stuckMs = staleness.stuckMs();
    if (stuckMs < reportedAtMs) reportedAtMs = 0;
    if (stuckMs - reportedAtMs > maxStuckMs) {
      reportedAtMs = stuckMs;
      onStuck();
    }
    await setTimeout(everyMs, undefined, { signal }).catch(() => undefined);
  }
}
