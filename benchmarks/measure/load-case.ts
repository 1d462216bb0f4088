import { isGeneratorBound } from '../load/capacity.ts';
import type { LoadResult, Work } from '../load/work.ts';
import type { Figure, Sample, Target } from '../report/results.ts';
import type { Server } from '../servers/server.ts';
import type { Comparison } from './compare.ts';
import type { Context } from './context.ts';
import { Histogram } from './histogram.ts';
import { runWork } from './run-work.ts';

/** What the generator does to each server in turn, and what of it is told. */
export interface LoadCase {
  readonly name: string;
  /** What is counted: operations, whose costs are told by the thousand, or their content, by the gigabyte. */
  readonly counts: 'requests' | 'blobs' | 'images' | 'bytes';
  readonly targets?: readonly Target[];
  /** Done before each round, outside of what is measured. */
  before?(server: Server): Promise<void>;
  /** A round's work; round 0 warms up and is not counted. */
  work(server: Server, round: number): Work;
}

export const P99 = 'p99';
export const CPU = 'CPU';
export const THROUGHPUT = 'throughput';
export const MEMORY = 'memory';

/** What a process of Meridian's may take, whatever it is asked. */
export const MEMORY_LIMIT: Target = { figure: MEMORY, limit: 300 };

const MEGABYTE = 1e6;

/** As it is compared between servers. */
export function comparisonOf(context: Context, loadCase: LoadCase): Comparison {
  return {
    name: loadCase.name,
    figures: figuresOf(loadCase),
    targets: [...(loadCase.targets ?? []), MEMORY_LIMIT],
    measure: (server, round) => measureLoad(context, loadCase, server, round),
  };
}

function figuresOf({ counts }: LoadCase): Figure[] {
  const throughput = counts === 'bytes' ? 'MB/s' : `${counts}/s`;
  const cpu = counts === 'bytes' ? 'CPU s/GB' : `CPU s/1,000 ${counts}`;
  return [
    { name: THROUGHPUT, unit: throughput, better: 'higher' },
    { name: 'p50', unit: 'ms', better: 'lower' },
    { name: P99, unit: 'ms', better: 'lower' },
    { name: CPU, unit: cpu, better: 'lower', plotted: true },
    { name: MEMORY, unit: 'MB', better: 'lower' },
  ];
}

async function measureLoad(
  context: Context,
  loadCase: LoadCase,
  server: Server,
  round: number,
): Promise<Sample> {
  await loadCase.before?.(server);
  const { result, cpuSeconds, peakMemoryBytes } = await runWork(
    context,
    server,
    loadCase.work(server, round),
  );
  return {
    figures: { ...rates(loadCase, result, cpuSeconds), [MEMORY]: peakMemoryBytes / MEGABYTE },
    latency: result.latency,
    problems: result.problems,
    generatorBound: isGeneratorBound(result, context.capacity),
  };
}

function rates({ counts }: LoadCase, result: LoadResult, cpuSeconds: number): Record<string, number> {
  const { operations, bytes, seconds } = result;
  const latency = Histogram.from(result.latency);
  const isBytes = counts === 'bytes';
  return {
    [THROUGHPUT]: (isBytes ? bytes / MEGABYTE : operations) / seconds,
    p50: latency.quantile(0.5),
    [P99]: latency.quantile(0.99),
    [CPU]: (cpuSeconds / (isBytes ? bytes / MEGABYTE : operations)) * 1_000,
  };
}
