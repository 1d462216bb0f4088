import { describe, expect, it } from 'vitest';
import { digestOf, type DigestAlgorithm } from '#libs/oci/digest.ts';
import { BlobDigester } from '#services/storage/hashing/blob-digester.ts';
import { SLOT_BYTES } from '#services/storage/hashing/thread.ts';
import { someBytes } from '#test/contract/storage/harness.ts';

async function feed(digester: BlobDigester, bytes: Buffer, chunkBytes: number): Promise<void> {
  for (let at = 0; at < bytes.length; at += chunkBytes) {
    digester.update(bytes.subarray(at, at + chunkBytes));
    await digester.room();
  }
}

describe('the digest of a blob that comes in chunks', () => {
  it.each([
    [0, 1],
    [1, 1],
    [SLOT_BYTES - 1, 65_536],
    [SLOT_BYTES, 65_536],
    [SLOT_BYTES + 1, 65_536],
    [SLOT_BYTES + 1, SLOT_BYTES + 1],
    [5_000_000, 65_521],
    [5_000_000, 3_000_000],
  ])('is that of all %d bytes in chunks of %d', async (size, chunkBytes) => {
    const bytes = someBytes(size, size + chunkBytes);
    for (const algorithm of ['sha256', 'sha512'] as const) {
      const digester = new BlobDigester(algorithm);
      await feed(digester, bytes, chunkBytes);
      expect(await digester.digest()).toBe(digestOf(bytes, algorithm));
    }
  });

  it.each([1_000, 700_000])('goes on after a pause at %d bytes', async (pauseAt) => {
    const bytes = someBytes(2_000_000);
    const digester = new BlobDigester('sha256');
    await feed(digester, bytes.subarray(0, pauseAt), 65_536);
    await digester.settle();
    await digester.settle();
    await feed(digester, bytes.subarray(pauseAt), 65_536);
    expect(await digester.digest()).toBe(digestOf(bytes));
  });

  it('is each blob’s own, of however many that come at the same time', async () => {
    const blobs = Array.from({ length: 40 }, (_, i) => someBytes(600_000 + 1_000 * i, i + 1));
    const digests = blobs.map(async (bytes) => {
      const digester = new BlobDigester('sha256');
      await feed(digester, bytes, 50_000);
      return digester.digest();
    });
    expect(await Promise.all(digests)).toEqual(blobs.map((bytes) => digestOf(bytes)));
  });

  it('is lost, and no other with it that begins then, where the thread ends', async () => {
    const broken = new BlobDigester('none' as DigestAlgorithm);
    const bytes = someBytes(4_000_000);
    await feed(broken, bytes, 65_536);
    expect(await broken.digest()).toBeUndefined();
    const next = new BlobDigester('sha256');
    await feed(next, bytes, 65_536);
    expect(await next.digest()).toBe(digestOf(bytes));
  });
});
