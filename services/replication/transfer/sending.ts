import { bounded } from '#libs/bounded.ts';
import { createLink } from './link.ts';

/** Divides what this region sends among the other regions that ask for it. */
export interface Sending {
  /**
   * Waits until the bytes may be sent: at once where a client waits for them. What it gives is to be called when they are sent, or will not be;
   * twice does no harm. Rejects with the signal's reason.
   */
  admit(asked: { length: number; background?: boolean }, signal: AbortSignal): Promise<() => void>;
}

/**
 * Clients of one region first, then what another region copies for nobody: both are sent by the same processes, mostly over one uplink. What
 * makes way gets a part of it all the same, and waits for `makeWayMs` at most. `now` is monotonic, in milliseconds.
 */
export function createSending(makeWayMs: number, now: () => number): Sending {
  const link = createLink({ all: undefined, background: undefined }, now);
  return {
    admit: async ({ length, background = false }, signal) => {
      using waiting = bounded(signal, background ? makeWayMs : undefined);
      try {
        return await link.admit({ bytes: length, rank: () => (background ? 1 : 0) }, waiting.signal);
      } catch (error) {
        if (!waiting.isLate) throw error;
        return () => undefined;
      }
    },
  };
}
