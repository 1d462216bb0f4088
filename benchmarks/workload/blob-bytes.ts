import { createCipheriv, createHash } from 'node:crypto';

/** A blob by its recipe: the same one has the same bytes, and two different ones have nothing in common that a registry could find. */
export interface BlobRecipe {
  readonly seed: string;
  readonly size: number;
}

/** Random bytes that all blobs are cut from; larger than what a compressor looks back on. */
const POOL_BYTES = 32 * 1024 * 1024;
const CHUNK_BYTES = 1024 * 1024;
const HEAD_BYTES = 32;

let pool: Buffer | undefined;

/**
 * The bytes of a blob, which don't compress. They cost next to nothing to make, so that who sends them is not kept busy by it: a head of
 * their own, then pieces of one pool from a place of their own. Chunks are views of the pool and must not be written to.
 */
export function* blobBytes({ seed, size }: BlobRecipe): Generator<Buffer, void, undefined> {
  const head = createHash('sha256').update(seed).digest();
  yield head.subarray(0, Math.min(size, HEAD_BYTES));
  pool ??= randomPool();
  let at = head.readUInt32LE(0) % POOL_BYTES;
  for (let left = size - HEAD_BYTES; left > 0;) {
    const chunk = pool.subarray(at, at + Math.min(left, CHUNK_BYTES));
    yield chunk;
    left -= chunk.length;
    at = (at + chunk.length) % POOL_BYTES;
  }
}

export function blobDigest(recipe: BlobRecipe): string {
  const hash = createHash('sha256');
  for (const chunk of blobBytes(recipe)) hash.update(chunk);
  return `sha256:${hash.digest('hex')}`;
}

function randomPool(): Buffer {
  const cipher = createCipheriv('aes-128-ctr', Buffer.alloc(16, 'meridian'), Buffer.alloc(16));
  return cipher.update(Buffer.alloc(POOL_BYTES));
}
