/** Spares looks at everything while nothing can have changed since the last one that found all of it here. */
export interface Quiet {
  /** Before a look at everything: true where it need not be. Never throws. */
  holds(revision: number, signal: AbortSignal): Promise<boolean>;
  /** After it. */
  looked(foundAll: boolean): void;
}

export interface QuietOptions {
  /** Another text after everything that could make the storage hold less. */
  readonly losses: (signal: AbortSignal) => Promise<string>;
  /** A look is never left out for longer: what is lost behind the storage's back is told by nobody. */
  readonly fullLookMs: number;
  /** Monotonic, in milliseconds. */
  readonly now: () => number;
}

export function createQuiet({ losses, fullLookMs, now }: QuietOptions): Quiet {
  let begun = { mark: '', at: 0 };
  let last: typeof begun | undefined;
  return {
    holds: async (revision, signal) => {
      // Before the look: what is lost during it counts for the next.
      const lost = await losses(signal).catch(() => undefined);
      begun = { mark: lost === undefined ? '' : `${revision} ${lost}`, at: now() };
      return begun.mark !== '' && last?.mark === begun.mark && begun.at - last.at < fullLookMs;
    },
    looked: (foundAll) => {
      last = foundAll ? begun : undefined;
    },
  };
}
