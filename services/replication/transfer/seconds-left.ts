/** Whole seconds that `bytes` will take, 1 at least; 0 where that can't be said, or nothing is left. */
export function secondsLeft(bytes: number, bytesPerSecond: number): number {
  return bytes === 0 || bytesPerSecond === 0 ? 0 : Math.max(1, Math.ceil(bytes / bytesPerSecond));
}
