import { ValueType, type HrTime } from '@opentelemetry/api';
import {
  AggregationTemporality,
  DataPointType,
  type DataPoint,
  type Histogram,
  type HistogramMetricData,
  type SumMetricData,
} from '@opentelemetry/sdk-metrics';

/*
 * Series that whoever counts keeps at hand. The SDK's instruments sort and write out the labels of each value to find its series, which is
 * a tenth of what an answer from memory costs.
 */

/** One series: its labels, and what it has come to since `since`. */
export interface Tally<Value> {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: Value;
}

export interface TallyOf {
  readonly name: string;
  readonly help: string;
  readonly since: HrTime;
  readonly now: HrTime;
}

/** What was seen of a quantity, by upper bounds, ascending. */
export class Spread {
  readonly bounds: readonly number[];
  readonly counts: number[];
  sum = 0;
  count = 0;

  constructor(bounds: readonly number[]) {
    this.bounds = bounds;
    this.counts = [...bounds, Infinity].map(() => 0);
  }

  add(value: number): void {
    let bucket = 0;
    while (bucket < this.bounds.length && value > (this.bounds[bucket] ?? 0)) bucket++;
    this.counts[bucket] = (this.counts[bucket] ?? 0) + 1;
    this.sum += value;
    this.count += 1;
  }
}

/** Totals as the SDK's readers take them. */
export function totals(of: TallyOf, tallies: readonly Tally<number>[]): SumMetricData {
  return {
    ...described(of),
    dataPointType: DataPointType.SUM,
    isMonotonic: true,
    dataPoints: tallies.map(({ labels, value }) => point(of, labels, value)),
  };
}

/** The same for a histogram. */
export function spreads(of: TallyOf, tallies: readonly Tally<Spread>[]): HistogramMetricData {
  const valueOf = ({ bounds, counts, sum, count }: Spread): Histogram => ({
    buckets: { boundaries: [...bounds], counts: [...counts] },
    sum,
    count,
  });
  return {
    ...described(of),
    dataPointType: DataPointType.HISTOGRAM,
    dataPoints: tallies.map(({ labels, value }) => point(of, labels, valueOf(value))),
  };
}

function described({ name, help }: TallyOf): Pick<SumMetricData, 'descriptor' | 'aggregationTemporality'> {
  return {
    descriptor: { name, description: help, unit: '', valueType: ValueType.DOUBLE },
    aggregationTemporality: AggregationTemporality.CUMULATIVE,
  };
}

function point<Value>(
  { since, now }: TallyOf,
  attributes: Tally<Value>['labels'],
  value: Value,
): DataPoint<Value> {
  return { startTime: since, endTime: now, attributes: { ...attributes }, value };
}
