import { deflateRawSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { digestOf } from '#test/support/content.ts';
import { seededRandom } from '#test/support/seeded-random.ts';
import { blobBytes, blobDigest } from '../../../benchmarks/workload/blob-bytes.ts';
import { blobSize, SIZE_CLASSES } from '../../../benchmarks/workload/blob-sizes.ts';
import { bytesOf, planImage } from '../../../benchmarks/workload/images.ts';
import { planTraceImages, planTraceOperations, TRACE_SHARES } from '../../../benchmarks/workload/trace.ts';
import { zipf } from '../../../benchmarks/workload/zipf.ts';

const wholeBlob = (seed: string, size: number): Buffer => Buffer.concat([...blobBytes({ seed, size })]);

describe('the bytes of a blob', () => {
  it('are as many as asked for, the same for the same recipe, and others for another', () => {
    fc.assert(
      fc.property(fc.string(), fc.integer({ min: 1, max: 3_000_000 }), (seed, size) => {
        const bytes = wholeBlob(seed, size);
        expect(bytes.length).toBe(size);
        expect(blobDigest({ seed, size })).toBe(digestOf(bytes));
        expect(blobDigest({ seed, size })).toBe(blobDigest({ seed, size }));
        if (size > 8) expect(blobDigest({ seed: `${seed}x`, size })).not.toBe(blobDigest({ seed, size }));
      }),
      { numRuns: 20 },
    );
  });

  it('do not compress', () => {
    const bytes = wholeBlob('compress', 500_000);
    expect(deflateRawSync(bytes).length).toBeGreaterThan(0.99 * bytes.length);
  });

  it('go on where the pool that they come from ends', () => {
    const size = 70_000_000;
    expect([...blobBytes({ seed: 'long', size })].reduce((sum, { length }) => sum + length, 0)).toBe(size);
  });
});

describe('the sizes of blobs', () => {
  it('are spread as in the published traces', () => {
    const random = seededRandom(7);
    const sizes = Array.from({ length: 20_000 }, () => blobSize(random));
    for (const { share, from, to } of SIZE_CLASSES) {
      const within = sizes.filter((size) => size >= from && size < to).length / sizes.length;
      expect(within, `${from}–${to}`).toBeGreaterThan(share - 0.015);
      expect(within, `${from}–${to}`).toBeLessThan(share + 0.015);
    }
  });

  it('are the same for the same seed', () => {
    const sizesOf = (seed: number): number[] => {
      const random = seededRandom(seed);
      return Array.from({ length: 50 }, () => blobSize(random));
    };
    expect(sizesOf(3)).toEqual(sizesOf(3));
    expect(sizesOf(3)).not.toEqual(sizesOf(4));
  });
});

describe("Zipf's law", () => {
  it('takes the first about twice as often as the second and ten times as often as the tenth', () => {
    const rank = zipf(seededRandom(1), 100);
    const counts = new Array<number>(100).fill(0);
    for (let i = 0; i < 100_000; i++) {
      const place = rank();
      counts[place] = (counts[place] ?? 0) + 1;
    }
    const [first = 0, second = 0] = counts;
    expect(first / second).toBeGreaterThan(1.8);
    expect(first / second).toBeLessThan(2.2);
    expect(first / (counts[9] ?? 0)).toBeGreaterThan(8.5);
    expect(first / (counts[9] ?? 0)).toBeLessThan(11.5);
    expect(counts.every((count) => count > 0)).toBe(true);
  });
});

describe('a planned image', () => {
  it('names its layers, and is the same for the same seed', () => {
    const recipe = { repository: 'a', tag: 'b', layerBytes: [10_000, 20] };
    const image = planImage({ ...recipe, seed: 's' });
    const manifest = JSON.parse(image.manifest.body) as { layers: { digest: string; size: number }[] };
    expect(manifest.layers.map(({ size }) => size)).toEqual([10_000, 20]);
    expect(manifest.layers.map(({ digest }) => digest)).toEqual(image.layers.map(({ digest }) => digest));
    expect(image.manifest.digest).toBe(digestOf(image.manifest.body));
    expect(bytesOf(image)).toBe(10_020 + image.config.size + image.manifest.body.length);
    expect(planImage({ ...recipe, seed: 's' })).toEqual(image);
    expect(planImage({ ...recipe, seed: 't' }).manifest.digest).not.toBe(image.manifest.digest);
  });
});

describe('a trace', () => {
  const sizes = { images: 20, operations: 4_000, scale: 0.0001 };
  const images = planTraceImages('s', 5, sizes);
  const operations = planTraceOperations('s', 5, images, sizes);
  const shareOf = (...kinds: string[]): number =>
    operations.filter(({ kind }) => kinds.includes(kind)).length / operations.length;

  it('has so many pulls, pushes and lists, most of them of the popular', () => {
    expect(shareOf('pull')).toBeCloseTo(TRACE_SHARES.pull, 1);
    expect(Math.abs(shareOf('push') - TRACE_SHARES.push)).toBeLessThan(0.01);
    expect(Math.abs(shareOf('tags', 'referrers') - TRACE_SHARES.lists)).toBeLessThan(0.005);
    const pulls = operations.flatMap((operation) => (operation.kind === 'pull' ? [operation.image] : []));
    const of = (place: number): number => pulls.filter((image) => image === place).length;
    expect(of(0)).toBeGreaterThan(5 * of(19));
  });

  it('is the same for the same seed, and another for another', () => {
    expect(planTraceImages('s', 5, sizes)).toEqual(images);
    expect(planTraceOperations('s', 5, images, sizes)).toEqual(operations);
    expect(planTraceOperations('s', 6, images, sizes)).not.toEqual(operations);
  });

  it('has images that share layers, and pushes of what was not there before', () => {
    const digests = images.flatMap(({ layers }) => layers.map(({ digest }) => digest));
    expect(new Set(digests).size).toBeLessThan(digests.length);
    const pushed = operations.flatMap((operation) => (operation.kind === 'push' ? [operation.image] : []));
    expect(new Set(pushed.map(({ tag }) => tag)).size).toBe(pushed.length);
    for (const { layers, tag } of pushed) {
      expect(digests).not.toContain(layers.at(-1)?.digest);
      expect(digests).toContain(layers[0]?.digest);
      expect(tag).toMatch(/^\w[\w.-]{0,127}$/);
    }
  });
});
