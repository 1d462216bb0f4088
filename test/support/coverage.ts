import { Session, type Profiler } from 'node:inspector';

/** What ran since the last look. */
export interface Covered {
  /** Whether some of it had never run before. */
  readonly isNew: boolean;
  /** How many times blocks of code were entered: a measure of work that is the same on every machine. */
  readonly steps: number;
  /** How many times functions were called: coarser, and the sum of what was done one after the other is that of its parts. */
  readonly calls: number;
}

/** V8's own coverage of this thread, block by block, of the files that `isMeant`. */
export interface Coverage {
  /** With `peek`, what is new stays so for the next look. */
  take(peek?: 'peek'): Covered;
  /** Pieces of code that have not run yet, in functions that have. */
  left(): number;
  close(): void;
}

type Interval = readonly [start: number, end: number];

export function openCoverage(isMeant: (url: string) => boolean): Coverage {
  const session = new Session();
  session.connect();
  const post = (method: string, parameters: object = {}): unknown => {
    let told: { readonly error: Error | null; readonly result: unknown } | undefined;
    session.post(method, parameters, (error: Error | null, result: unknown) => {
      told = { error, result };
    });
    // It answers before it returns.
    if (told === undefined) throw new Error(`${method}: no answer`);
    if (told.error !== null) throw told.error;
    return told.result;
  };
  post('Profiler.enable');
  post('Profiler.startPreciseCoverage', { callCount: true, detailed: true });
  /** Of each function that ran: where it never did. */
  const missing = new Map<string, readonly Interval[]>();
  return {
    take: (peek) => {
      const answer = post('Profiler.takePreciseCoverage');
      const { result } = answer as Profiler.TakePreciseCoverageReturnType;
      let isNew = false;
      let steps = 0;
      let calls = 0;
      for (const { url, functions } of result) {
        if (!isMeant(url)) continue;
        for (const { ranges } of functions) {
          const [whole] = ranges;
          if (whole === undefined || whole.count === 0) continue;
          calls += whole.count;
          for (const { count } of ranges) steps += count;
          const key = `${url}:${whole.startOffset}:${whole.endOffset}`;
          const before = missing.get(key) ?? [[whole.startOffset, whole.endOffset + 1]];
          const after = common(before, unrun(ranges));
          if (length(after) < length(before)) isNew = true;
          if (peek === undefined) missing.set(key, after);
        }
      }
      return { isNew, steps, calls };
    },
    left: () => [...missing.values()].reduce((sum, intervals) => sum + intervals.length, 0),
    close: () => {
      post('Profiler.stopPreciseCoverage');
      session.disconnect();
    },
  };
}

function unrun(ranges: readonly Profiler.CoverageRange[]): Interval[] {
  return ranges
    .filter(({ count }) => count === 0)
    .map(({ startOffset, endOffset }) => [startOffset, endOffset]);
}

/** What is in both. */
function common(some: readonly Interval[], others: readonly Interval[]): Interval[] {
  return some.flatMap(([start, end]) =>
    others
      .map(([from, to]): Interval => [Math.max(start, from), Math.min(end, to)])
      .filter(([from, to]) => from < to),
  );
}

function length(intervals: readonly Interval[]): number {
  return intervals.reduce((sum, [start, end]) => sum + end - start, 0);
}
