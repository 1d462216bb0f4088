import { seededRandom } from '#test/support/seeded-random.ts';
import { OCI_MANIFEST } from '#libs/oci/mediatype.ts';
import type { PlannedRequest } from '../load/work.ts';
import { durationOf, type Context } from '../measure/context.ts';
import { P99, THROUGHPUT, type LoadCase } from '../measure/load-case.ts';
import { BEHIND_NGINX } from '../servers/meridian-nginx.ts';
import { logUniform } from '../workload/blob-sizes.ts';
import { planImage, type PlannedBlob, type PlannedImage } from '../workload/images.ts';
import { zipf } from '../workload/zipf.ts';
import { aheadOfPeer, besidePlainNode } from './targets.ts';

const CONNECTIONS = 16;
const IMAGES = 20;
const LAYERS = 8;
const SMALL = { from: 1_024, to: 64 * 1_024 };
const RANGE_BYTES = 1_000_000;
const ORDER = 4_096;

export function hotNotes(context: Context): string[] {
  return [
    `${CONNECTIONS} connections that are kept, popularity by Zipf's law over ${IMAGES} images of ${LAYERS} layers of 1–64 KB; a large blob of ${largeBytes(context) / 1e6} MB; ranges of ${RANGE_BYTES / 1e6} MB.`,
  ];
}

/** What hot requests ask for. */
export interface HotContent {
  readonly images: readonly PlannedImage[];
  /** That of the large blob. */
  readonly image: PlannedImage;
  readonly large: PlannedBlob;
}

function largeBytes({ scale }: Context): number {
  return Math.round(256 * scale) * 1e6;
}

export function planHotContent(context: Context): HotContent {
  const random = seededRandom(context.seed);
  const images = Array.from({ length: IMAGES }, (_, i) =>
    planImage({
      repository: `hot/image${i}`,
      tag: '1.0',
      seed: `${context.seed}/hot/${i}`,
      layerBytes: Array.from({ length: LAYERS }, () => logUniform(random, SMALL.from, SMALL.to)),
    }),
  );
  const image = planImage({
    ...{ repository: 'hot/large', tag: '1.0', seed: `${context.seed}/large` },
    layerBytes: [largeBytes(context)],
  });
  const [large] = image.layers;
  if (large === undefined) throw new Error('The image of the large blob has no layer.');
  return { images, image, large };
}

export function smallCases(context: Context, { images, large }: HotContent): LoadCase[] {
  const manifests = (method: string, reference: (image: PlannedImage) => string): PlannedRequest[] =>
    images.map((image) => ({
      method,
      path: `/v2/${image.repository}/manifests/${reference(image)}`,
      headers: { accept: OCI_MANIFEST },
      status: 200,
      ...(method === 'HEAD' ? {} : { bytes: image.manifest.body.length }),
    }));
  const blobs = images.flatMap(({ repository, layers }) =>
    layers.map(({ digest, size }) => blobRequest(repository, digest, size)),
  );
  const ranges = Array.from({ length: Math.floor(large.size / RANGE_BYTES) }, (_, i) => ({
    ...blobRequest('hot/large', large.digest, RANGE_BYTES),
    headers: { range: `bytes=${i * RANGE_BYTES}-${(i + 1) * RANGE_BYTES - 1}` },
    status: 206,
  }));
  const cases: [name: string, requests: PlannedRequest[], atLeast?: number][] = [
    ['manifest GET by tag', manifests('GET', ({ tag }) => tag), 4],
    ['manifest HEAD by tag', manifests('HEAD', ({ tag }) => tag), 4],
    ['manifest GET by digest', manifests('GET', ({ manifest }) => manifest.digest)],
    ['manifest HEAD by digest', manifests('HEAD', ({ manifest }) => manifest.digest)],
    ['small blob GET', blobs, 10],
    ['range of 1 MB', ranges],
  ];
  return cases.map(([name, requests, atLeast]) => {
    const rank = zipf(seededRandom(context.seed), requests.length);
    const order = Array.from({ length: ORDER }, rank);
    const targets =
      atLeast === undefined
        ? []
        : [aheadOfPeer(THROUGHPUT, atLeast), ...(atLeast === 4 ? [aheadOfPeer(P99, 1)] : [])];
    return {
      ...{ name, counts: 'requests', targets },
      work: (_server, round) => ({
        ...{ kind: 'requests', requests, order, connections: CONNECTIONS },
        durationMs: durationOf(context, round),
      }),
    };
  });
}

export function largeCases(context: Context, { large: { digest, size } }: HotContent): LoadCase[] {
  return [
    { clients: 1, atLeast: 1 },
    { clients: 8, atLeast: 0.8 },
  ].map(({ clients, atLeast }) => ({
    name: `${size / 1e6} MB blob GET, ${clients === 1 ? 'one client' : `${clients} clients`}`,
    counts: 'bytes',
    targets:
      clients === 1
        ? [besidePlainNode(THROUGHPUT, atLeast)]
        : [aheadOfPeer(THROUGHPUT, atLeast), { ...aheadOfPeer(THROUGHPUT, 1), server: BEHIND_NGINX }],
    work: (_server, round) => ({
      kind: 'requests',
      requests: [blobRequest('hot/large', digest, size)],
      order: [0],
      connections: clients,
      durationMs: durationOf(context, round),
    }),
  }));
}

function blobRequest(repository: string, digest: string, bytes: number): PlannedRequest {
  return { method: 'GET', path: `/v2/${repository}/blobs/${digest}`, status: 200, bytes };
}
