import { alignedBuffer } from '#libs/aligned-memory.ts';
import type { ReadBudget, StepLimits } from './read-budget.ts';

/** Buffers that are lent out and taken back, so that reading files allocates nothing. */
export interface ReadBuffers {
  /** One for a client that took `tookMs` for what it got before, as large as the budget allows. */
  take(tookMs: number): Buffer;
  /** A large one to read ahead for a client that is quick; undefined where `bytes` are not worth it, or all of them are lent. */
  takeAhead(bytes: number): Buffer | undefined;
  /** Takes a buffer back, to lend it again if nothing else points at it any more. */
  give(buffer: Buffer, isFree: boolean): void;
}

export interface ReadBufferOptions {
  readonly budget: ReadBudget;
  readonly limits: StepLimits;
  /** Of what was given back of one size, so much is kept: large buffers that come and go must not become garbage because small ones are kept. */
  readonly maxKeptBytes: number;
  /** Buffers for reading ahead: how large, and how many at a time; they do not count for the budget. */
  readonly aheadBytes: number;
  readonly maxAhead: number;
}

export function createReadBuffers(options: ReadBufferOptions): ReadBuffers {
  const { budget, limits, maxKeptBytes, aheadBytes, maxAhead } = options;
  const free = new Map<number, Buffer[]>();
  const freeAhead: Buffer[] = [];
  let lentAhead = 0;
  const giveAhead = (buffer: Buffer, isFree: boolean): void => {
    lentAhead -= 1;
    if (isFree) freeAhead.push(buffer);
  };
  return {
    take: (tookMs) => {
      const bytes = budget.lend(limits, tookMs);
      return free.get(bytes)?.pop() ?? alignedBuffer(bytes);
    },
    takeAhead: (bytes) => {
      if (lentAhead === maxAhead || bytes <= limits.mostBytes) return undefined;
      lentAhead += 1;
      return freeAhead.pop() ?? alignedBuffer(aheadBytes);
    },
    give: (buffer, isFree) => {
      const bytes = buffer.length;
      if (bytes === aheadBytes) {
        giveAhead(buffer, isFree);
        return;
      }
      budget.giveBack(bytes);
      const sameSize = free.get(bytes) ?? [];
      if (!isFree || (sameSize.length + 1) * bytes > maxKeptBytes) return;
      free.set(bytes, sameSize);
      sameSize.push(buffer);
    },
  };
}
