import { outsideTrace } from '#libs/telemetry/trace.ts';
import { ArrivingRange } from './arriving-range.ts';
import type { Source } from './begin-source.ts';
import type { RangeWindow } from './range-window.ts';
import type { ReadAhead } from './read-ahead.ts';
import { readRange, type Supply } from './read-range.ts';

export interface GatherOptions {
  readonly readAhead: ReadAhead;
  /** A larger blob is asked for in ranges of so many bytes, several at the same time. */
  readonly rangeBytes: number;
  readonly windowOf: (region: string) => RangeWindow;
}

/** The first range is sent before the others are, so that nothing delays its first bytes. */
const HEAD_START_MS = 15;

/**
 * The bytes of a blob in their order, from where `opening` begins. While one range comes, the next are on their way on other connections: so
 * a long link is filled, and the first bytes are as early as ever. They are asked for right after the first, of the region that
 * `supply` names, and where it names none when the first has begun. Rejects as `opening` does. Whoever stops early aborts `signal`, too.
 */
export async function* gather(
  supply: Supply,
  opening: Promise<Source>,
  { readAhead, rangeBytes, windowOf }: GatherOptions,
  signal: AbortSignal,
): AsyncGenerator<Buffer, void, undefined> {
  const { size, rank } = supply.job;
  /** Those that have not been taken yet, the next one first. */
  const ranges: ArrivingRange[] = [];
  let underWay = 0;
  /** Those of them of which nothing has come. */
  let awaited = 0;
  let asked = 0;
  let headStart: NodeJS.Timeout | undefined;
  const ask = (begun?: Promise<Source>): void => {
    const askedAt = performance.now();
    const range = new ArrivingRange(asked, Math.min(rangeBytes, size - asked), () => {
      awaited -= 1;
      windowOf(supply.region).begun(performance.now() - askedAt);
      if (!signal.aborted) askAhead();
    });
    asked += range.length;
    underWay += 1;
    awaited += 1;
    ranges.push(range);
    const completed = (): void => {
      underWay -= 1;
      if (!signal.aborted) askAhead();
    };
    const read = async (): Promise<void> => readRange(range, supply, signal, await begun);
    // The trace shows the first: of a large blob there are hundreds.
    const reading = begun === undefined ? outsideTrace(read) : read();
    reading.then(completed, (error: unknown) => range.fail(error));
  };
  const askAhead = (): void => {
    while (ranges.length > 0 && asked < size) {
      const { awaited: mostAwaited, underWay: most } = windowOf(supply.region).size();
      if (awaited >= mostAwaited || underWay >= most) return;
      if (!readAhead.tryTake(rangeBytes, rank() === 0)) return;
      ask();
    }
  };
  try {
    ask(opening);
    headStart = setTimeout(() => supply.region !== '' && !signal.aborted && askAhead(), HEAD_START_MS);
    // Nothing is to come of an empty blob but its being there.
    supply.region = (await opening).region;
    for (let head = ranges[0]; head !== undefined; head = ranges[0]) {
      for await (const chunk of head.bytes()) {
        askAhead();
        yield chunk;
      }
      ranges.shift();
      if (ranges.length > 0) readAhead.giveBack(rangeBytes);
      else if (asked < size) ask();
      askAhead();
    }
  } finally {
    clearTimeout(headStart);
    for (const _ of ranges.slice(1)) readAhead.giveBack(rangeBytes);
    ranges.length = 0;
  }
}
