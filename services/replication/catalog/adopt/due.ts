import { RegistryError } from '#libs/oci/errors.ts';

export interface DueOptions<T> {
  /** Most keys that wait; more are dropped, for whoever adds them comes again. */
  readonly maxWaiting: number;
  readonly maxRunning: number;
  readonly work: (item: T, signal: AbortSignal) => Promise<void>;
  /** Faults of the program; failures that are the registry's own (a region is away) are left to the next time. */
  readonly onFault: (error: unknown) => void;
}

/** Work by keys: a few at a time, one at a time for each key, and once more for a key that was added while its work ran. */
export interface Due<T> {
  add(key: string, item: T): void;
  /** Aborts what runs, and resolves when it has ended. */
  stop(): Promise<void>;
}

export function createDue<T>({ maxWaiting, maxRunning, work, onFault }: DueOptions<T>): Due<T> {
  const stopped = new AbortController();
  const waiting = new Map<string, T>();
  const running = new Map<string, Promise<void>>();

  const run = async (key: string, item: T): Promise<void> => {
    try {
      await work(item, stopped.signal);
    } catch (error) {
      if (!stopped.signal.aborted && !(error instanceof RegistryError)) onFault(error);
    }
    running.delete(key);
    startMore();
  };
  const startMore = (): void => {
    for (const [key, item] of waiting) {
      if (stopped.signal.aborted || running.size >= maxRunning) return;
      if (running.has(key)) continue;
      waiting.delete(key);
      running.set(key, run(key, item));
    }
  };

  return {
    add: (key, item) => {
      if (waiting.size < maxWaiting) waiting.set(key, item);
      startMore();
    },
    stop: async () => {
      stopped.abort(new Error('The catalog is being closed.'));
      await Promise.all(running.values());
    },
  };
}
