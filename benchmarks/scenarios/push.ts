import type { PlannedRequest, UploadMode, Work } from '../load/work.ts';
import { compare, stepsOf } from '../measure/compare.ts';
import { limitOf, warmUpLimitMs, type Context } from '../measure/context.ts';
import { comparisonOf, ON_DISK, type LoadCase } from '../measure/load-case.ts';
import { MEMORY_IS_READIED } from '../measure/ready-disk.ts';
import { withServers } from '../measure/with-servers.ts';
import { startPlainNode } from '../servers/plain-node.ts';
import { planBlob, planImage, type PlannedBlob } from '../workload/images.ts';
import type { Server } from '../servers/server.ts';
import type { Scenario } from './scenario.ts';
import { aheadOfPeer } from './targets.ts';

const REPOSITORY = 'push/blobs';
const CHUNK_BYTES = 16_000_000;
const LAYERS = 50;
const LAYER_CONNECTIONS = 5;
/** So that compilers have seen enough. */
const WARM_UP_IMAGES = 24;
const WARM_UP_BLOBS = 12;
const SMALL_CONNECTIONS = 16;
const SMALL_BYTES = 4_000;

/** Pushes to one region; nothing is pushed twice. */
export const push: Scenario = {
  name: 'push',
  title: 'Pushes to one region',
  notes: (context) => [
    `An image of ${LAYERS} layers is pushed ${LAYER_CONNECTIONS} layers at a time, small blobs of ${SMALL_BYTES / 1e3} KB by ${SMALL_CONNECTIONS} connections, chunks are of ${CHUNK_BYTES / 1e6} MB.`,
    `What is on disk when a push is answered differs. For the same durability, "${ON_DISK}" is the throughput until the file system has been flushed after the last answer, for all of them.`,
    `Before the first round each server takes ${WARM_UP_IMAGES} other images, or ${WARM_UP_BLOBS} other blobs, or as many as it can within ${warmUpLimitMs(context) / 1e3} s. ${MEMORY_IS_READIED}`,
  ],
  run: async (context) =>
    withServers(context, context.starters, (registries) =>
      withServers(context, [startPlainNode], async (plain) => {
        const measured = (one: LoadCase) =>
          comparisonOf(context, { ...one, untilOnDisk: true, writesMuch: true });
        const large = largeCases(context);
        const others = otherCases(context);
        context.progress.begin(
          push.title,
          stepsOf(context, large.length, registries.length) +
            stepsOf(context, others.length, registries.length) +
            stepsOf(context, 1, 1),
        );
        const results = [];
        for (const one of large) {
          // Plain Node knows no chunks.
          const servers = one.name.includes('chunk') ? registries : [...registries, ...plain];
          results.push(await compare(context, servers, measured(one)));
        }
        for (const one of others) results.push(await compare(context, registries, measured(one)));
        return results;
      }),
    ),
};

function largeCases(context: Context): LoadCase[] {
  const size = Math.round(256 * context.scale) * 1e6;
  const work = (mode: UploadMode): LoadCase['work'] => {
    return ({ name }, round) => ({
      ...{ kind: 'push-blobs', repository: REPOSITORY, mode, chunkBytes: CHUNK_BYTES, connections: 1 },
      ...limitOf(context, round),
      blobs: Array.from({ length: round === 0 ? WARM_UP_BLOBS : 1 }, (_, i) => ({
        ...{ seed: seedOf(context, `large${i}/${mode}`, name, round), size },
      })),
    });
  };
  const megabytes = size / 1e6;
  const targets = [aheadOfPeer(ON_DISK, 1.5)];
  return [
    { name: `push of ${megabytes} MB`, counts: 'bytes', targets, work: work('monolithic') },
    ...(context.quick
      ? []
      : [{ name: `push of ${megabytes} MB in chunks`, counts: 'bytes' as const, work: work('chunked') }]),
  ];
}

function otherCases(context: Context): LoadCase[] {
  const layerBytes = Array.from({ length: LAYERS }, () => Math.round(1e6 * context.scale));
  const blobs = context.quick ? 50 : 400;
  const mounted = new Map<string, PlannedBlob[]>();
  return [
    {
      name: `push of ${LAYERS} layers of ${(layerBytes[0] ?? 0) / 1e6} MB`,
      counts: 'bytes',
      targets: [aheadOfPeer(ON_DISK, 1.5)],
      work: ({ name }, round) => {
        const images = Array.from({ length: round === 0 ? WARM_UP_IMAGES : 1 }, (_, i) => {
          const seed = seedOf(context, i === 0 ? 'layers' : `layers${i}`, name, round);
          return planImage({ repository: 'push/layers', tag: `round${round}`, seed, layerBytes });
        });
        return { kind: 'push-images', images, connections: LAYER_CONNECTIONS, ...limitOf(context, round) };
      },
    },
    {
      name: 'push of small blobs',
      counts: 'blobs',
      work: ({ name }, round) => {
        const pushed = smallBlobs(context, name, round, blobs);
        mounted.set(`${name}/${round}`, pushed);
        return {
          ...{ kind: 'push-blobs', repository: REPOSITORY, blobs: pushed, mode: 'monolithic' },
          connections: SMALL_CONNECTIONS,
        };
      },
    },
    {
      name: 'mount from another repository',
      counts: 'requests',
      work: ({ name }, round) => mountWork(mounted.get(`${name}/${round}`) ?? []),
    },
    {
      name: 'new tags of one image',
      counts: 'requests',
      work: (server, round) => tagWork(context, server, round),
    },
  ];
}

function smallBlobs(context: Context, server: string, round: number, count: number): PlannedBlob[] {
  return Array.from({ length: count }, (_, i) =>
    planBlob({ seed: seedOf(context, `small/${i}`, server, round), size: SMALL_BYTES }),
  );
}

function mountWork(blobs: readonly PlannedBlob[]): Work {
  const requests: PlannedRequest[] = blobs.map(({ digest }) => ({
    method: 'POST',
    path: `/v2/push/mounted/blobs/uploads/?mount=${digest}&from=${REPOSITORY}`,
    status: 201,
  }));
  return { ...eachOnce(requests), connections: SMALL_CONNECTIONS };
}

/** A tag each for the image that the same round pushed. */
function tagWork(context: Context, { name }: Server, round: number): Work {
  const layerBytes = Array.from({ length: LAYERS }, () => Math.round(1e6 * context.scale));
  const seed = seedOf(context, 'layers', name, round);
  const { manifest, repository } = planImage({ repository: 'push/layers', tag: '', seed, layerBytes });
  const requests: PlannedRequest[] = Array.from({ length: context.quick ? 50 : 400 }, (_, i) => ({
    method: 'PUT',
    path: `/v2/${repository}/manifests/round${round}-${i}`,
    headers: { 'content-type': manifest.mediaType },
    body: manifest.body,
    status: 201,
  }));
  return { ...eachOnce(requests), connections: SMALL_CONNECTIONS };
}

function eachOnce(requests: readonly PlannedRequest[]): {
  kind: 'requests';
  requests: readonly PlannedRequest[];
  order: number[];
  count: number;
} {
  return { kind: 'requests', requests, order: requests.map((_, i) => i), count: requests.length };
}

/** Another one for each server and round, so that none finds what it has already. */
function seedOf({ seed }: Context, what: string, server: string, round: number): string {
  return `${seed}/push/${what}/${server}/${round}`;
}
