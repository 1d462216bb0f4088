import { createAllowance } from './allowance.ts';

/** Something to ask another region for. */
export interface Want {
  /** 0: not known. */
  readonly bytes: number;
  /** 0 where a client waits for it; else the lower, the sooner. May change while it waits. */
  readonly rank: () => number;
}

/** Bytes a millisecond; undefined: no limit. */
export interface LinkLimits {
  readonly all: number | undefined;
  readonly background: number | undefined;
}

export interface Link {
  /** Looks again at who waits: somebody's rank has changed. */
  reconsider(): void;
  admit(want: Want, signal: AbortSignal): Promise<() => void>;
}

const CLIENT = 0;
/** A manifest or a config: gone before anybody would have had to make way for it. */
const FEW_BYTES = 64 * 1024;
/** What clients wait for comes in pieces with short pauses between them, which belong to the clients, too. */
const LINGER_MS = 250;
/** While clients use the link, so large a part of what they get may come for nobody: so that nothing waits for ever. */
const BACKGROUND_SHARE = 1 / 8;
const MAX_CREDIT_BYTES = 8 * 1024 * 1024;
/** What a client waits for may be so far ahead of the limit. */
const OVERDRAFT_MS = 1_000;

/**
 * One link: clients first, and while they use it the others only a part of it; all of it within its limits. What is under way is never
 * stopped, so those without a client should ask for little at a time.
 */
export function createLink(limits: LinkLimits, now: () => number): Link {
  const all = limits.all === undefined ? undefined : createAllowance(limits.all, now);
  const background = limits.background === undefined ? undefined : createAllowance(limits.background, now);
  const waiting = new Set<Waiting>();
  let clients = 0;
  let clientsUntil = -Infinity;
  let credit = 0;
  let timer: NodeJS.Timeout | undefined;

  /** Infinity: until something has come. */
  const waitMs = ({ rank, bytes }: Want): number => {
    if (rank() === CLIENT) return all?.waitMs((limits.all ?? 0) * OVERDRAFT_MS) ?? 0;
    const limited = Math.max(all?.waitMs(0) ?? 0, background?.waitMs(0) ?? 0);
    if (credit >= Math.min(bytes, MAX_CREDIT_BYTES)) return limited;
    return clients > 0 ? Infinity : Math.max(limited, clientsUntil - now());
  };
  const begin = (want: Want): (() => void) => {
    const isClient = want.rank() === CLIENT;
    const isUse = isClient && !isLittle(want);
    all?.take(want.bytes);
    if (isUse) clients += 1;
    else if (!isClient) {
      background?.take(want.bytes);
      credit = Math.max(0, credit - want.bytes);
    }
    let over = false;
    return () => {
      if (over) return;
      over = true;
      if (!isUse) return;
      clients -= 1;
      clientsUntil = now() + LINGER_MS;
      credit = Math.min(MAX_CREDIT_BYTES, credit + want.bytes * BACKGROUND_SHARE);
      schedule();
    };
  };
  const schedule = (): void => {
    clearTimeout(timer);
    for (let next = first(waiting); next !== undefined; next = first(waiting)) {
      const ms = waitMs(next.want);
      if (ms > 0) {
        if (Number.isFinite(ms)) timer = setTimeout(schedule, ms);
        return;
      }
      waiting.delete(next);
      next.resolve(begin(next.want));
    }
  };

  return {
    reconsider: schedule,
    admit: async (want, signal) => {
      signal.throwIfAborted();
      const { promise, resolve, reject } = Promise.withResolvers<() => void>();
      const place = { want, resolve };
      const giveUp = (): void => {
        waiting.delete(place);
        reject(signal.reason as Error);
        schedule();
      };
      signal.addEventListener('abort', giveUp, { once: true });
      waiting.add(place);
      schedule();
      try {
        return await promise;
      } finally {
        signal.removeEventListener('abort', giveUp);
      }
    },
  };
}

function isLittle({ bytes }: Want): boolean {
  return bytes > 0 && bytes <= FEW_BYTES;
}

interface Waiting {
  readonly want: Want;
  readonly resolve: (over: () => void) => void;
}

/** The first of those with the lowest rank. */
function first(waiting: ReadonlySet<Waiting>): Waiting | undefined {
  let best: Waiting | undefined;
  for (const one of waiting) if (best === undefined || one.want.rank() < best.want.rank()) best = one;
  return best;
}
