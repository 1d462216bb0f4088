import type { ReadBudget, StepLimits } from './read-budget.ts';

/** Buffers that are lent out and taken back, so that reading files allocates nothing. */
export interface ReadBuffers {
  /** One for a client that took `tookMs` for what it got before, as large as the budget allows. */
  take(tookMs: number): Buffer;
  /** Takes a buffer back, to lend it again if nothing else points at it any more. */
  give(buffer: Buffer, isFree: boolean): void;
}

/** Keeps what was given back, up to `maxKeptBytes`. */
export function createReadBuffers(options: {
  budget: ReadBudget;
  limits: StepLimits;
  maxKeptBytes: number;
}): ReadBuffers {
  const { budget, limits, maxKeptBytes } = options;
  const free = new Map<number, Buffer[]>();
  let kept = 0;
  return {
    take: (tookMs) => {
      const bytes = budget.lend(limits, tookMs);
      const buffer = free.get(bytes)?.pop();
      if (buffer === undefined) return Buffer.allocUnsafeSlow(bytes);
      kept -= bytes;
      return buffer;
    },
    give: (buffer, isFree) => {
      const bytes = buffer.length;
      budget.giveBack(bytes);
      if (!isFree || kept + bytes > maxKeptBytes) return;
      kept += bytes;
      const sameSize = free.get(bytes);
      if (sameSize === undefined) free.set(bytes, [buffer]);
      else sameSize.push(buffer);
    },
  };
}
