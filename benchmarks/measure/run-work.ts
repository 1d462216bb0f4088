import type { LoadResult, Work } from '../load/work.ts';
import type { Server } from '../servers/server.ts';
import type { Context } from './context.ts';
import { cpuSecondsOf, largestMemoryOf, withDescendants } from './process-usage.ts';

export interface WorkDone {
  readonly result: LoadResult;
  /** Processor time of all the server's processes meanwhile. */
  readonly cpuSeconds: number;
  /** The most that the largest of them has ever had. */
  readonly peakMemoryBytes: number;
}

/** Has the generator do something to a server, right after `ready`, and looks at what it cost there. */
export async function runWork(
  { generator }: Pick<Context, 'generator'>,
  server: Server,
  work: Work,
  ready?: () => Promise<void>,
): Promise<WorkDone> {
  await generator.prepare({ registry: server.registry, work });
  await ready?.();
  const pids = await withDescendants(server.pids());
  const before = await cpuSecondsOf(pids);
  const result = await generator.go();
  const cpuSeconds = (await cpuSecondsOf(pids)) - before;
  return { result, cpuSeconds, peakMemoryBytes: (await largestMemoryOf(pids)).peak };
}
