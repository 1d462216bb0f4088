import { RegistryError } from '#libs/oci/errors.ts';

/** Work that nobody waits for. */
export interface Background {
  /** Starts a piece of work, or drops it when too much runs already. */
  run(work: (signal: AbortSignal) => Promise<unknown>): void;
  /** Aborts what runs; takes nothing more. */
  stop(): void;
}

/** Failures that are the registry's own (a region is away, a blob is gone) are expected; all others are faults. */
export function createBackground(maxRunning: number, onFault: (error: unknown) => void): Background {
  const stopped = new AbortController();
  let running = 0;
  const runOne = async (work: (signal: AbortSignal) => Promise<unknown>): Promise<void> => {
    running += 1;
    try {
      await work(stopped.signal);
    } catch (error) {
      if (!stopped.signal.aborted && !(error instanceof RegistryError)) onFault(error);
    } finally {
      running -= 1;
    }
  };
  return {
    run: (work) => {
      if (!stopped.signal.aborted && running < maxRunning) runOne(work).catch(onFault);
    },
    stop: () => stopped.abort(new Error('The service stops.')),
  };
}
