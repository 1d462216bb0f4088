import { outsideTrace } from '#libs/telemetry/trace.ts';
import { ArrivingRange } from './arriving-range.ts';
import type { Source } from './begin-source.ts';
import { createRangeWindow } from './range-window.ts';
import type { ReadAhead } from './read-ahead.ts';
import { readRange, type Supply } from './read-range.ts';

export interface GatherOptions {
  readonly readAhead: ReadAhead;
  /** A larger blob is asked for in ranges of so many bytes, several at the same time. */
  readonly rangeBytes: number;
  /** How many connections the way to a region is worth. */
  readonly connections: (region: string) => number;
}

/**
 * The bytes of a blob in their order, from where `first` began. While one range comes, the next are on their way on other connections: so
 * a long link is filled, and the first bytes are as early as ever. Whoever stops early aborts `signal`, too.
 */
export async function* gather(
  supply: Supply,
  first: Source,
  { readAhead, rangeBytes, connections }: GatherOptions,
  signal: AbortSignal,
): AsyncGenerator<Buffer, void, undefined> {
  const { size, rank } = supply.job;
  const window = createRangeWindow(() => connections(supply.region));
  /** Those that have not been taken yet, the next one first. */
  const ranges: ArrivingRange[] = [];
  let underWay = 0;
  let asked = 0;
  const ask = (begun?: Source): void => {
    const range = new ArrivingRange(asked, Math.min(rangeBytes, size - asked));
    const askedAt = performance.now();
    asked += range.length;
    underWay += 1;
    ranges.push(range);
    const completed = (): void => {
      underWay -= 1;
      window.completed(performance.now() - askedAt);
      if (!signal.aborted) askAhead();
    };
    const read = (): Promise<void> => readRange(range, supply, signal, begun);
    // The trace shows the first: of a large blob there are hundreds.
    const reading = begun === undefined ? outsideTrace(read) : read();
    reading.then(completed, (error: unknown) => range.fail(error));
  };
  const askAhead = (): void => {
    while (ranges.length > 0 && asked < size && underWay < window.size()) {
      if (!readAhead.tryTake(rangeBytes, rank() === 0)) return;
      ask();
    }
  };
  try {
    ask(first);
    for (let head = ranges[0]; head !== undefined; head = ranges[0]) {
      for await (const chunk of head.bytes()) {
        askAhead();
        yield chunk;
      }
      ranges.shift();
      if (ranges.length > 0) readAhead.giveBack(rangeBytes);
      else if (asked < size) ask();
    }
  } finally {
    for (const _ of ranges.slice(1)) readAhead.giveBack(rangeBytes);
    ranges.length = 0;
  }
}
