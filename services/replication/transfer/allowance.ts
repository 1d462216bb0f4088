/** What may go over a link on the average. */
export interface Allowance {
  /** Until something may begin that goes up to `overdraftBytes` beyond what is there: 0 where it may now. */
  waitMs(overdraftBytes: number): number;
  take(bytes: number): void;
}

/** What was not used is kept for so long. */
const KEPT_MS = 100;

/** What is larger than what is there may begin all the same, and others wait the longer after it. `now` is monotonic, in milliseconds. */
export function createAllowance(bytesPerMs: number, now: () => number): Allowance {
  const most = bytesPerMs * KEPT_MS;
  let left = most;
  let at = now();
  const refill = (): void => {
    const elapsedMs = now() - at;
    at += elapsedMs;
    left = Math.min(most, left + elapsedMs * bytesPerMs);
  };
  return {
    waitMs: (overdraftBytes) => {
      refill();
      const lacking = -overdraftBytes - left;
      return lacking < 0 ? 0 : Math.floor(lacking / bytesPerMs) + 1;
    },
    take: (bytes) => {
      refill();
      left -= bytes;
    },
  };
}
