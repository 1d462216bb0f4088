import { OCI_MANIFEST } from '#libs/oci/mediatype.ts';
import type { PlannedRequest, Work } from '../load/work.ts';
import { isGeneratorBound } from '../load/capacity.ts';
import { compare, stepsOf, type Comparison } from '../measure/compare.ts';
import { durationOf, type Context } from '../measure/context.ts';
import { Histogram } from '../measure/histogram.ts';
import { MEMORY, MEMORY_LIMIT, THROUGHPUT } from '../measure/load-case.ts';
import { runWork } from '../measure/run-work.ts';
import { withServers } from '../measure/with-servers.ts';
import { planImage, type PlannedImage } from '../workload/images.ts';
import { pushImages } from './content.ts';
import type { Scenario } from './scenario.ts';

const REPOSITORY = 'hot/tag';
const TAG = 'latest';
const WRITERS = 8;
const READERS = 8;
const IMAGES = 8;

/** Many set one tag while others read it. */
export const hotTag: Scenario = {
  name: 'hot-tag',
  title: 'One hot tag with concurrent writers',
  notes: () => [
    `${WRITERS} connections set one tag to ${IMAGES} images in turn, as fast as they are answered, while ${READERS} read it.`,
  ],
  run: async (context) => {
    const images = Array.from({ length: IMAGES }, (_, i) =>
      planImage({
        ...{ repository: REPOSITORY, tag: `image${i}`, seed: `${context.seed}/hot-tag/${i}` },
        layerBytes: [20_000, 30_000],
      }),
    );
    return withServers(context, context.starters, async (servers) => {
      context.progress.begin(hotTag.title, stepsOf(context, 1, servers.length) + servers.length);
      for (const server of servers) await pushImages(context, server, [...images, ...latest(images)]);
      return [await compare(context, servers, comparison(context, images))];
    });
  },
};

/** There must be something to read before the first is set. */
function latest([first]: readonly PlannedImage[]): PlannedImage[] {
  return first === undefined ? [] : [{ ...first, tag: TAG }];
}

function comparison(context: Context, images: readonly PlannedImage[]): Comparison {
  return {
    name: 'setting one tag',
    figures: [
      { name: THROUGHPUT, unit: 'writes/s', better: 'higher' },
      { name: 'write p50', unit: 'ms', better: 'lower' },
      { name: 'write p99', unit: 'ms', better: 'lower' },
      { name: 'reads', unit: 'reads/s', better: 'higher', plotted: true },
      { name: 'read p99', unit: 'ms', better: 'lower' },
      { name: MEMORY, unit: 'MB', better: 'lower' },
    ],
    targets: [MEMORY_LIMIT],
    measure: async (server, round) => {
      const work = writersAndReaders(images, durationOf(context, round));
      const { result, peakMemoryBytes } = await runWork(context, server, work);
      const [reads] = result.others ?? [];
      if (reads === undefined) throw new Error('There is no result of the readers.');
      const writing = Histogram.from(result.latency);
      return {
        figures: {
          [THROUGHPUT]: result.operations / result.seconds,
          'write p50': writing.quantile(0.5),
          'write p99': writing.quantile(0.99),
          reads: reads.operations / reads.seconds,
          'read p99': Histogram.from(reads.latency).quantile(0.99),
          [MEMORY]: peakMemoryBytes / 1e6,
        },
        latency: result.latency,
        problems: { ...result.problems, ...reads.problems },
        generatorBound: isGeneratorBound(
          { ...result, requests: result.requests + reads.requests, bytes: result.bytes + reads.bytes },
          context.capacity,
        ),
      };
    },
  };
}

function writersAndReaders(images: readonly PlannedImage[], durationMs: number): Work {
  const path = `/v2/${REPOSITORY}/manifests/${TAG}`;
  const writes: PlannedRequest[] = images.map(({ manifest }) => ({
    ...{ method: 'PUT', path, body: manifest.body, status: 201 },
    headers: { 'content-type': manifest.mediaType },
  }));
  const read: PlannedRequest = { method: 'GET', path, headers: { accept: OCI_MANIFEST }, status: 200 };
  const inTurn = images.map((_, i) => i);
  return {
    kind: 'together',
    parts: [
      { kind: 'requests', requests: writes, order: inTurn, connections: WRITERS, durationMs },
      { kind: 'requests', requests: [read], order: [0], connections: READERS, durationMs },
    ],
  };
}
