import type { BatchObservableResult, HrTime, Observable } from '@opentelemetry/api';
import { hrTime } from '@opentelemetry/core';
import { PrometheusSerializer } from '@opentelemetry/exporter-prometheus';
import { resourceFromAttributes, type Resource } from '@opentelemetry/resources';
import {
  MeterProvider,
  MetricReader,
  type MetricData,
  type MetricProducer,
} from '@opentelemetry/sdk-metrics';

/** Labels of a series; every combination of values is a series of its own, so they come from small sets. */
export type Labels = Readonly<Record<string, string>>;

export interface Observation {
  readonly value: number;
  readonly labels?: Labels;
}

/** Adds to a total; `value` is never negative. */
export type Counter = (value: number, labels: Labels) => void;
export type Histogram = (value: number, labels: Labels) => void;

/** One gauge of a group: what it is, and what it shows of the group's reading. */
export interface GaugeOf<Reading> {
  readonly help: string;
  readonly observe: (reading: Reading) => number | readonly Observation[];
}

/** The metrics of one process, given as Prometheus' text format when it is scraped. */
export interface Metrics {
  /** `name` ends in `_total`. */
  counter(name: string, help: string): Counter;
  /** `buckets` are the upper bounds, ascending. */
  histogram(name: string, help: string, buckets: readonly number[]): Histogram;
  /** Gauges by name that one reading, taken at each scrape, fills; while the reading fails they are absent. */
  gauges<Reading>(read: () => Promise<Reading>, gauges: Readonly<Record<string, GaugeOf<Reading>>>): void;
  /** Metrics that are counted elsewhere, asked for at each scrape: tally.ts. */
  tallied(read: (time: { readonly since: HrTime; readonly now: HrTime }) => readonly MetricData[]): void;
  text(): Promise<string>;
}

/** A scrape answers in this time even where a reading hangs. */
const READ_TIMEOUT_MS = 2_000;

export function createMetrics({ service, region }: { service: string; region: string }): Metrics {
  const resource = resourceFromAttributes({ 'service.name': service, 'cloud.region': region });
  const tallies: Parameters<Metrics['tallied']>[0][] = [];
  const reader = new ScrapeReader({ metricProducers: [producerOf(resource, tallies)] });
  const meter = new MeterProvider({ resource, readers: [reader] }).getMeter('meridian');
  // No labels of the process in every series: `target_info` has them, and the scraper adds its own.
  const serializer = new PrometheusSerializer(undefined, false, undefined, false, true);
  return {
    counter: (name, description) => {
      const counter = meter.createCounter(name, { description });
      return (value, labels) => counter.add(value, labels);
    },
    histogram: (name, description, buckets) => {
      const histogram = meter.createHistogram(name, {
        description,
        advice: { explicitBucketBoundaries: [...buckets] },
      });
      return (value, labels) => histogram.record(value, labels);
    },
    gauges: (read, definitions) => {
      const gauges = Object.entries(definitions).map(([name, { help, observe }]) => ({
        gauge: meter.createObservableGauge(name, { description: help }),
        observe,
      }));
      meter.addBatchObservableCallback(
        async (result) => {
          const reading = await read();
          for (const { gauge, observe } of gauges) report(result, gauge, observe(reading));
        },
        gauges.map(({ gauge }) => gauge),
      );
    },
    tallied: (read) => void tallies.push(read),
    text: async () => {
      const { resourceMetrics } = await reader.collect({ timeoutMillis: READ_TIMEOUT_MS });
      return serializer.serialize(resourceMetrics);
    },
  };
}

function report(
  result: BatchObservableResult,
  gauge: Observable,
  observed: number | readonly Observation[],
): void {
  const observations = typeof observed === 'number' ? [{ value: observed }] : observed;
  for (const { value, labels = {} } of observations) result.observe(gauge, value, labels);
}

function producerOf(
  resource: Resource,
  tallies: readonly Parameters<Metrics['tallied']>[0][],
): MetricProducer {
  const since = hrTime();
  return {
    collect: async () => {
      const time = { since, now: hrTime() };
      const metrics = tallies.flatMap((read) => read(time));
      return {
        resourceMetrics: { resource, scopeMetrics: [{ scope: { name: 'meridian' }, metrics }] },
        errors: [],
      };
    },
  };
}

/** Reads only when asked; Prometheus comes for the metrics. */
class ScrapeReader extends MetricReader {
  protected override onForceFlush(): Promise<void> {
    return Promise.resolve();
  }
  protected override onShutdown(): Promise<void> {
    return Promise.resolve();
  }
}
