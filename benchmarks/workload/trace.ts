import { seededRandom } from '#test/support/seeded-random.ts';
import { blobSize } from './blob-sizes.ts';
import { imageOf, planBlob, type PlannedBlob, type PlannedImage } from './images.ts';
import { zipf } from './zipf.ts';

/** One thing that a client does. */
export type TraceOperation =
  | {
      readonly kind: 'pull';
      readonly image: number;
      /** The client holds nothing: it has just been started. */ readonly afresh: boolean;
    }
  | { readonly kind: 'push'; readonly image: PlannedImage }
  | { readonly kind: 'tags'; readonly repository: string }
  | { readonly kind: 'referrers'; readonly repository: string; readonly digest: string };

/** Of a hundred operations, so many are of each kind. */
export const TRACE_SHARES = { pull: 0.94, push: 0.05, lists: 0.01 } as const;

export interface TraceSizes {
  readonly images: number;
  readonly operations: number;
  /** Sizes of blobs are those of the published traces times this. */
  readonly scale: number;
}

const BASES = 5;
const BASE_LAYERS = 3;
const OWN_LAYERS = { least: 2, most: 7 };
/** One pull in so many is by a machine that is new. */
const PULLS_PER_MACHINE = 10;
const LEAST_BYTES = 100;

/** Images that share the layers of a few bases, the most popular first. */
export function planTraceImages(
  seed: string,
  numericSeed: number,
  { images, scale }: TraceSizes,
): PlannedImage[] {
  const random = seededRandom(numericSeed);
  const bases = Array.from({ length: BASES }, (_, i) =>
    Array.from({ length: BASE_LAYERS }, (_, j) => layer(`${seed}/base/${i}/${j}`, random, scale)),
  );
  return Array.from({ length: images }, (_, i) => {
    const base = bases[Math.floor(random() * BASES)] ?? [];
    const own = OWN_LAYERS.least + Math.floor(random() * (OWN_LAYERS.most - OWN_LAYERS.least + 1));
    return imageOf({
      ...{
        repository: `trace/image${i}`,
        tag: '1.0',
        config: planBlob({ seed: `${seed}/config/${i}`, size: 1_500 }),
      },
      layers: [...base, ...Array.from({ length: own }, (_, j) => layer(`${seed}/${i}/${j}`, random, scale))],
    });
  });
}

/** What clients do, one after the other: mostly pulls of popular images, now and then a push of one with a layer changed, a list. */
export function planTraceOperations(
  seed: string,
  numericSeed: number,
  images: readonly PlannedImage[],
  { operations, scale }: TraceSizes,
): TraceOperation[] {
  const random = seededRandom(numericSeed);
  const popular = zipf(random, images.length);
  return Array.from({ length: operations }, (_, i): TraceOperation => {
    const kind = random();
    const place = popular();
    const image = images[place];
    if (image === undefined) throw new Error('A trace needs images.');
    const { repository, manifest } = image;
    if (kind < TRACE_SHARES.pull)
      return { kind: 'pull', image: place, afresh: random() < 1 / PULLS_PER_MACHINE };
    if (kind < TRACE_SHARES.pull + TRACE_SHARES.push)
      return { kind: 'push', image: changed(image, `${seed}/push/${i}`, random, scale) };
    return random() < 0.5
      ? { kind: 'tags', repository }
      : { kind: 'referrers', repository, digest: manifest.digest };
  });
}

/** The image as it is built again: its last layer and its config are others. */
function changed(image: PlannedImage, seed: string, random: () => number, scale: number): PlannedImage {
  return imageOf({
    ...{ repository: image.repository, tag: `t${seed.replaceAll(/[^\w]/g, '-')}` },
    config: planBlob({ seed: `${seed}/config`, size: image.config.size }),
    layers: [...image.layers.slice(0, -1), layer(seed, random, scale)],
  });
}

function layer(seed: string, random: () => number, scale: number): PlannedBlob {
  return planBlob({ seed, size: Math.max(LEAST_BYTES, Math.round(blobSize(random) * scale)) });
}
