/** How fast bytes come: a mean over a moving window. */
export interface RecentRate {
  /** So many more have come. */
  readonly add: (bytes: number) => void;
  /** 0 where nothing has come lately. */
  bytesPerSecond(): number;
}

const WINDOW_MS = 30_000;
/** Arrivals closer together than this are taken as one, so that what is remembered has a limit. */
const STEP_MS = 500;
/** A rate is not told from less time than this. */
const LEAST_MS = 1_000;

/** `now` is monotonic, in milliseconds. */
export function createRecentRate(now: () => number): RecentRate {
  const steps: { at: number; bytes: number }[] = [];
  const forget = (at: number): void => {
    while (steps[0] !== undefined && at - steps[0].at > WINDOW_MS) steps.shift();
  };
  return {
    add: (bytes) => {
      const at = now();
      forget(at);
      const last = steps.at(-1);
      if (last !== undefined && at - last.at < STEP_MS) last.bytes += bytes;
      else steps.push({ at, bytes });
    },
    bytesPerSecond: () => {
      const at = now();
      forget(at);
      const [first] = steps;
      if (first === undefined) return 0;
      const total = steps.reduce((sum, { bytes }) => sum + bytes, 0);
      return Math.round((1000 * total) / Math.max(LEAST_MS, at - first.at));
    },
  };
}
