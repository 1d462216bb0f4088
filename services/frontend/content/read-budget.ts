/** A client that takes longer than this for a piece gets the smallest ones from then on, until it is quick again. */
export const SLOW_MS = 250;

/** The part of what is left that one reader gets at most, so that there is something for those who come after. */
const SHARE = 1 / 4;

/** Of one way of reading: the most that is worth asking for at once, and the least that is worth asking for at all. */
export interface StepLimits {
  readonly mostBytes: number;
  readonly leastBytes: number;
}

/** How much of blobs may be in memory on its way to clients. */
export interface ReadBudget {
  /**
   * How many bytes to read next for a client that took `tookMs` for what it got before: the least, times a power of two, within the limits.
   * Give them back when the client has taken them.
   */
  lend(limits: StepLimits, tookMs: number): number;
  giveBack(bytes: number): void;
}

/** Lends `totalBytes`, and the least to each reader beyond that: reading never stops, it only takes smaller steps. */
export function createReadBudget(totalBytes: number): ReadBudget {
  let lent = 0;
  return {
    lend: ({ mostBytes, leastBytes }, tookMs) => {
      const share = tookMs > SLOW_MS ? 0 : Math.min(mostBytes, (totalBytes - lent) * SHARE);
      let bytes = leastBytes;
      while (bytes * 2 <= share) bytes *= 2;
      lent += bytes;
      return bytes;
    },
    giveBack: (bytes) => {
      lent -= bytes;
    },
  };
}
