import type { Capacity } from '../load/capacity.ts';
import type { HistogramCounts } from '../measure/histogram.ts';

/** Everything that a run has found; the file that reports are made from. */
export interface Results {
  readonly format: 1;
  readonly startedAt: string;
  readonly seconds: number;
  readonly seed: number;
  readonly quick: boolean;
  readonly scale: number;
  readonly logsRequests: boolean;
  readonly machine: Machine;
  readonly capacity: Capacity;
  readonly servers: readonly ServerDescription[];
  readonly scenarios: readonly ScenarioResult[];
}

export interface Machine {
  readonly processors: number;
  readonly model: string;
  readonly memoryBytes: number;
  readonly system: string;
  readonly node: string;
  /** Processes that wanted a processor, over a minute, before and after the run: others' with them. */
  readonly load: { readonly before: number; readonly after: number };
}

export interface ServerDescription {
  readonly name: string;
  readonly version: string;
  readonly durability: string;
}

export interface ScenarioResult {
  readonly name: string;
  readonly title: string;
  /** What a reader must know: sizes, links, what was left out. */
  readonly notes: readonly string[];
  readonly cases: readonly CaseResult[];
}

export interface CaseResult {
  readonly name: string;
  readonly figures: readonly Figure[];
  readonly targets: readonly Target[];
  /** By the servers' names: what each round found, in the rounds' order. */
  readonly samples: Readonly<Record<string, readonly Sample[]>>;
}

/** Something measured, and which way is better. */
export interface Figure {
  readonly name: string;
  readonly unit: string;
  readonly better: 'higher' | 'lower';
  /** Shown as bars, as the first one of a case always is. */
  readonly plotted?: boolean;
}

export interface Sample {
  /** By the figures' names. */
  readonly figures: Readonly<Record<string, number>>;
  readonly latency?: HistogramCounts;
  /** What went wrong, each with how often. */
  readonly problems: Readonly<Record<string, number>>;
  readonly generatorBound?: boolean;
}

/** What a figure of Meridian's, or of the server named, ought to be: so many times as good as that of the first of these servers that was there, or within a limit. */
export type Target =
  | {
      readonly figure: string;
      readonly against: readonly string[];
      readonly ratio: number;
      readonly server?: string;
    }
  | { readonly figure: string; readonly limit: number };
