import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isGeneratorBound } from '../../../benchmarks/load/capacity.ts';
import { Histogram } from '../../../benchmarks/measure/histogram.ts';
import { ratioOf, spreadOf } from '../../../benchmarks/measure/statistics.ts';

const recorded = (durations: readonly number[]): Histogram => {
  const histogram = new Histogram();
  for (const duration of durations) histogram.record(duration);
  return histogram;
};

describe('a spread', () => {
  it.each([
    [[3], { median: 3, low: 3, high: 3 }],
    [[5, 1, 3], { median: 3, low: 1, high: 5 }],
    [[4, 1, 3, 2], { median: 2.5, low: 1, high: 4 }],
    [[NaN, 2], { median: 2, low: 2, high: 2 }],
  ])('of %j is %j', (values, spread) => {
    expect(spreadOf(values)).toEqual(spread);
  });

  it('of nothing is nothing', () => {
    expect(spreadOf([]).median).toBeNaN();
  });

  it('of a ratio compares what the same rounds gave', () => {
    expect(ratioOf([10, 30, 40], [10, 10, 80])).toEqual({ median: 1, low: 0.5, high: 3 });
  });
});

describe('a histogram', () => {
  it('tells quantiles to two per cent', () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: 0.01, max: 60_000, noNaN: true }), { minLength: 1, maxLength: 200 }),
        fc.constantFrom(0.5, 0.9, 0.99, 1),
        (durations, share) => {
          const sorted = durations.toSorted((a, b) => a - b);
          const exact = sorted[Math.ceil(share * sorted.length) - 1] ?? NaN;
          expect(Math.abs(recorded(durations).quantile(share) / exact - 1)).toBeLessThan(0.021);
        },
      ),
    );
  });

  it('adds up', () => {
    const parts = [
      [1, 2, 3],
      [2, 40],
    ];
    const sum = Histogram.sum(parts.map((part) => recorded(part).counts()));
    expect(sum.counts()).toEqual(recorded(parts.flat()).counts());
    expect(sum.total).toBe(5);
    expect(Histogram.from(sum.counts()).counts()).toEqual(sum.counts());
  });

  it('has room for the shortest and the longest', () => {
    expect(recorded([0, 1e12]).total).toBe(2);
    expect(recorded([0, 1e12]).cumulative().at(-1)?.share).toBe(1);
    expect(recorded([]).quantile(0.5)).toBeNaN();
  });
});

describe('the generator', () => {
  const capacity = { requestsPerSecond: 1_000, bytesPerSecond: 1e9 };

  it.each([
    [{ requests: 490, bytes: 0, seconds: 1 }, false],
    [{ requests: 510, bytes: 0, seconds: 1 }, true],
    [{ requests: 1, bytes: 0.6e9, seconds: 1 }, true],
    [{ requests: 300, bytes: 0.3e9, seconds: 1 }, true],
    [{ requests: 300, bytes: 0.3e9, seconds: 2 }, false],
  ])('that did %j may have been the limit: %s', (measured, bound) => {
    expect(isGeneratorBound(measured, capacity)).toBe(bound);
  });
});
