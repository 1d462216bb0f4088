import { stalledReaders } from '#test/support/stalled-readers.ts';
import { compare, stepsOf, type Comparison } from '../measure/compare.ts';
import type { Context } from '../measure/context.ts';
import { MEMORY, MEMORY_LIMIT } from '../measure/load-case.ts';
import { largestMemoryOf, withDescendants } from '../measure/process-usage.ts';
import { runWork } from '../measure/run-work.ts';
import { untilQuiet } from '../measure/until-quiet.ts';
import { withServers } from '../measure/with-servers.ts';
import { planImage } from '../workload/images.ts';
import { pushImages } from './content.ts';
import type { Scenario } from './scenario.ts';

const REPOSITORY = 'slow/readers';
const MEGABYTE = 1e6;

/** What readers that stall cost, and how fast others are served meanwhile. */
export const slowReaders: Scenario = {
  name: 'slow-readers',
  title: 'Memory with very many slow readers',
  notes: (context) => [
    `${readersIn(context)} connections ask for a blob of ${sizeOf(context) / MEGABYTE} MB, take the first bytes and no more; then one client reads it whole.`,
  ],
  run: async (context) =>
    withServers(context, context.starters, async (servers) => {
      // Each round is the same, and the kernel has to take what it can for each reader first.
      const few = { ...context, rounds: context.quick ? 1 : Math.min(context.rounds, 2) };
      context.progress.begin(slowReaders.title, stepsOf(few, 1, servers.length) + servers.length);
      const image = planImage({
        ...{ repository: REPOSITORY, tag: '1.0', seed: `${context.seed}/slow` },
        layerBytes: [sizeOf(context)],
      });
      for (const server of servers) await pushImages(context, server, [image]);
      return [await compare(few, servers, comparison(context, image.layers[0]?.digest ?? ''))];
    }),
};

function readersIn({ quick }: Context): number {
  return quick ? 100 : 1_000;
}

function sizeOf({ scale }: Context): number {
  return Math.max(8, Math.round(256 * scale)) * MEGABYTE;
}

function comparison(context: Context, digest: string): Comparison {
  const path = `/v2/${REPOSITORY}/blobs/${digest}`;
  const bytes = sizeOf(context);
  return {
    name: `${readersIn(context)} slow readers`,
    figures: [
      { name: MEMORY, unit: 'MB', better: 'lower' },
      { name: 'memory before', unit: 'MB', better: 'lower' },
      { name: 'fast reader', unit: 'MB/s', better: 'higher', plotted: true },
    ],
    targets: [MEMORY_LIMIT],
    measure: async (server, round) => {
      const read = (): ReturnType<typeof runWork> =>
        runWork(context, server, {
          ...{ kind: 'requests', order: [0], connections: 1, count: 1 },
          requests: [{ method: 'GET', path, status: 200, bytes }],
        });
      await read();
      const before = await memoryOf(server.pids());
      const sockets = await stalledReaders(server.registry, path, round === 0 ? 1 : readersIn(context));
      try {
        // Until the kernel takes no more for any of them.
        await untilQuiet(await withDescendants(server.pids()), context.signal);
        const { result } = await read();
        return {
          figures: {
            [MEMORY]: (await memoryOf(server.pids())) / MEGABYTE,
            'memory before': before / MEGABYTE,
            'fast reader': bytes / MEGABYTE / result.seconds,
          },
          problems: result.problems,
        };
      } finally {
        for (const socket of sockets) socket.destroy();
      }
    },
  };
}

async function memoryOf(pids: readonly number[]): Promise<number> {
  return (await largestMemoryOf(await withDescendants(pids))).now;
}
