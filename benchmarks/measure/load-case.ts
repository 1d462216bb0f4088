import { isGeneratorBound } from '../load/capacity.ts';
import type { LoadResult, Work } from '../load/work.ts';
import type { Figure, Sample, Target } from '../report/results.ts';
import type { Server } from '../servers/server.ts';
import type { Comparison } from './compare.ts';
import type { Context } from './context.ts';
import { flushFiles } from './flush-files.ts';
import { Histogram } from './histogram.ts';
import { readyDisk } from './ready-disk.ts';
import { runWork } from './run-work.ts';

/** What the generator does to each server in turn, and what of it is told. */
export interface LoadCase {
  readonly name: string;
  /** What is counted: operations, whose costs are told by the thousand, or their content, by the gigabyte. */
  readonly counts: 'requests' | 'blobs' | 'images' | 'bytes';
  readonly targets?: readonly Target[];
  /** Whether it is told as well how fast it is until all of it is on disk: some servers answer sooner. */
  readonly untilOnDisk?: boolean;
  /** Whether so much is written that the disk is made ready before each round. */
  readonly writesMuch?: boolean;
  /** Whether there is a round 0; true where nothing is said. */
  readonly warmsUp?: boolean;
  /** Done before each round, outside of what is measured. */
  before?(server: Server): Promise<void>;
  /** A round's work; round 0 warms up and is not counted. */
  work(server: Server, round: number): Work;
}

export const P99 = 'p99';
export const CPU = 'CPU';
export const THROUGHPUT = 'throughput';
export const ON_DISK = 'on disk';
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
    warmsUp: loadCase.warmsUp,
    measure: (server, round) => measureLoad(context, loadCase, server, round),
  };
}

function figuresOf({ counts, untilOnDisk = false }: LoadCase): Figure[] {
  const throughput = counts === 'bytes' ? 'MB/s' : `${counts}/s`;
  const cpu = counts === 'bytes' ? 'CPU s/GB' : `CPU s/1,000 ${counts}`;
  return [
    ...(untilOnDisk ? [{ name: ON_DISK, unit: throughput, better: 'higher' } as const] : []),
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
  const work = loadCase.work(server, round);
  const ready = loadCase.writesMuch === true && round > 0 ? () => readyDisk(context) : undefined;
  const { result, cpuSeconds, peakMemoryBytes } = await runWork(context, server, work, ready);
  const flushSeconds = loadCase.untilOnDisk === true ? await flushFiles(context.scratch) : 0;
  return {
    figures: { ...rates(loadCase, result, cpuSeconds, flushSeconds), [MEMORY]: peakMemoryBytes / MEGABYTE },
    latency: result.latency,
    problems: result.problems,
    generatorBound: isGeneratorBound(result, context.capacity),
  };
}

function rates(
  { counts }: LoadCase,
  result: LoadResult,
  cpuSeconds: number,
  flushSeconds: number,
): Record<string, number> {
  const { operations, bytes, seconds } = result;
  const latency = Histogram.from(result.latency);
  const amount = counts === 'bytes' ? bytes / MEGABYTE : operations;
  return {
    [THROUGHPUT]: amount / seconds,
    [ON_DISK]: amount / (seconds + flushSeconds),
    p50: latency.quantile(0.5),
    [P99]: latency.quantile(0.99),
    [CPU]: (cpuSeconds / amount) * 1_000,
  };
}
