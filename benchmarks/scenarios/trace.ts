import { compare, stepsOf } from '../measure/compare.ts';
import { limitOf, warmUpLimitMs, type Context } from '../measure/context.ts';
import { comparisonOf, THROUGHPUT, type LoadCase } from '../measure/load-case.ts';
import { MEMORY_IS_READIED } from '../measure/ready-disk.ts';
import { withServers } from '../measure/with-servers.ts';
import type { PlannedImage } from '../workload/images.ts';
import { planTraceImages, planTraceOperations, type TraceSizes } from '../workload/trace.ts';
import { pushImages } from './content.ts';
import type { Scenario } from './scenario.ts';
import { aheadOfPeer } from './targets.ts';

const CLIENTS = 4;
const CONNECTIONS_PER_CLIENT = 3;
/** Before the first round of the warm case: so that compilers have seen enough, and caches are full. */
const WARM_UP_OPERATIONS = 4_000;
/** What a run of some minutes can move. */
const SIZES = 1 / 8;

/** Pulls, pushes and lists as in the traces of registries in production. */
export const trace: Scenario = {
  name: 'trace',
  title: 'The mix of production traces',
  notes: (context) => {
    const { images, operations, scale } = sizesOf(context);
    return [
      `${operations} operations a round by ${CLIENTS} clients, ${CONNECTIONS_PER_CLIENT} layers at a time: 94 % pulls, 5 % pushes, 1 % lists, of ${images} images whose popularity follows Zipf's law. Sizes are those of the traces times ${scale}.`,
      `Warm: after ${WARM_UP_OPERATIONS} other operations, or as many as there are within ${warmUpLimitMs(context) / 1e3} s. Cold: the server has just been started again; its files are still in the memory of the kernel. ${MEMORY_IS_READIED}`,
    ];
  },
  run: async (context) => {
    const { seed } = context;
    const images = planTraceImages(`${seed}/trace`, seed, sizesOf(context));
    return withServers(context, context.starters, async (servers) => {
      context.progress.begin(trace.title, stepsOf(context, 2, servers.length));
      for (const server of servers) await pushImages(context, server, images);
      const results = [];
      for (const one of casesOf(context, images))
        results.push(await compare(context, servers, comparisonOf(context, { ...one, writesMuch: true })));
      return results;
    });
  },
};

function sizesOf({ quick, scale }: Context): TraceSizes {
  return { images: quick ? 15 : 40, operations: quick ? 120 : 600, scale: scale * SIZES };
}

function casesOf(context: Context, images: readonly PlannedImage[]): LoadCase[] {
  const work = (kind: string): LoadCase['work'] => {
    return ({ name }, round) => {
      const sizes = sizesOf(context);
      const isWarmUp = round === 0 && kind === 'warm';
      // The same operations for each server; what is pushed is another in each round.
      const operations = planTraceOperations(
        `${kind}-${name}-${round}`,
        context.seed * 1_000 + round,
        images,
        isWarmUp ? { ...sizes, operations: WARM_UP_OPERATIONS } : sizes,
      );
      return {
        ...{ kind: 'trace', images, operations, clients: CLIENTS },
        connectionsPerClient: CONNECTIONS_PER_CLIENT,
        ...limitOf(context, round),
      };
    };
  };
  return [
    {
      ...{ name: 'trace mix, warm', counts: 'images', work: work('warm') },
      targets: [aheadOfPeer(THROUGHPUT, 3)],
    },
    {
      ...{ name: 'trace mix, cold', counts: 'images', work: work('cold') },
      warmsUp: false,
      before: (server) => server.restart(),
    },
  ];
}
