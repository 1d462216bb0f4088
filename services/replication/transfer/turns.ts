import { RegistryError } from '#libs/oci/errors.ts';

/** Who comes first when copies wait for their turn, in this order. */
export const PRIORITIES = ['client', 'manifest', 'config', 'layer'] as const;
export type Priority = (typeof PRIORITIES)[number];

/** One copy's place in the queue. */
export interface Turn {
  /** Resolves when the copy may run. Rejects with the reason of the turn's signal when that aborts first. */
  readonly begun: Promise<void>;
  /** Somebody more urgent waits for the same copy now; less urgent changes nothing. */
  raise(priority: Priority): void;
  /** A client waits for it, or did. */
  isUrgent(): boolean;
  /** The place of its priority among all: 0 where `isUrgent`. */
  rank(): number;
  /** The copy is over, or given up before its turn. May be called more than once. */
  end(): void;
}

export interface Turns {
  /** Takes a place in the queue. Throws UNAVAILABLE when it is full. */
  take(priority: Priority, signal: AbortSignal): Turn;
}

export interface TurnLimits {
  readonly maxCopies: number;
  readonly maxBackgroundCopies: number;
  readonly maxQueuedCopies: number;
}

interface Place {
  rank: number;
  running: boolean;
  readonly begin: () => void;
}

const CLIENT = 0;

/** Copies that nobody waits for never take the last places: those are for clients. */
export function createTurns(limits: TurnLimits): Turns {
  const queue = new Set<Place>();
  let running = 0;

  const schedule = (): void => {
    while (running < limits.maxCopies) {
      const next = mostUrgent(queue);
      if (next === undefined) return;
      if (next.rank !== CLIENT && running >= limits.maxBackgroundCopies) return;
      queue.delete(next);
      next.running = true;
      running += 1;
      next.begin();
    }
  };

  return {
    take: (priority, signal) => {
      signal.throwIfAborted();
      if (queue.size >= limits.maxQueuedCopies) throw queueFull(queue.size);
      const { promise: begun, resolve: begin, reject } = Promise.withResolvers<undefined>();
      begun.catch(() => undefined);
      const place: Place = {
        rank: PRIORITIES.indexOf(priority),
        running: false,
        begin: () => begin(undefined),
      };
      const end = (): void => {
        signal.removeEventListener('abort', giveUp);
        queue.delete(place);
        if (place.running) running -= 1;
        place.running = false;
        schedule();
      };
      const giveUp = (): void => {
        reject(signal.reason);
        if (!place.running) end();
      };
      signal.addEventListener('abort', giveUp, { once: true });
      queue.add(place);
      schedule();
      const raise = (to: Priority): void => {
        place.rank = Math.min(place.rank, PRIORITIES.indexOf(to));
        schedule();
      };
      return { begun, raise, isUrgent: () => place.rank === CLIENT, rank: () => place.rank, end };
    },
  };
}

/** The first of those with the lowest rank; a Set keeps the order of arrival. */
function mostUrgent(queue: ReadonlySet<Place>): Place | undefined {
  let best: Place | undefined;
  for (const place of queue) if (best === undefined || place.rank < best.rank) best = place;
  return best;
}

function queueFull(waiting: number): RegistryError {
  return new RegistryError(
    'UNAVAILABLE',
    `This region has ${waiting} copies from other regions waiting already. Try again in a moment.`,
    { retryAfterSeconds: 2 },
  );
}
