import { giveAway } from '#libs/given-away.ts';
import type { Digest } from '#libs/oci/digest.ts';
import { RegistryError } from '#libs/oci/errors.ts';
import type { ByteSource } from './driver.ts';

/** Positions in a blob; `end` does not belong to it. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** What a read of `length` bytes (0: up to the end) at `offset` covers of `size` bytes. RANGE_INVALID: it starts beyond the end. */
export function spanOf({ offset, length }: { offset: number; length: number }, size: number): Span {
  const valid = Number.isSafeInteger(offset) && Number.isSafeInteger(length) && offset >= 0 && length >= 0;
  if (!valid || offset > size) {
    throw new RegistryError(
      'RANGE_INVALID',
      `There are no ${length} bytes at position ${offset}: the blob has ${size} bytes.`,
      { detail: { size } },
    );
  }
  return { start: offset, end: length === 0 ? size : Math.min(size, offset + length) };
}

/** The bytes of a span, given away in buffers of at most `chunkBytes`; while one is looked at, the next is read. Doesn't close the source. */
export async function* readSpan(
  source: ByteSource,
  { start, end }: Span,
  chunkBytes: number,
  signal: AbortSignal,
): AsyncGenerator<Buffer, void, undefined> {
  const readAt = (position: number): Promise<Buffer> | undefined => {
    if (position >= end) return undefined;
    const reading = readChunk(source, position, chunkLength({ start, end }, position, chunkBytes));
    // Whoever stops early never looks at what was read ahead.
    reading.catch(() => undefined);
    return reading;
  };
  let position = start;
  let ahead = readAt(position);
  while (ahead !== undefined) {
    const chunk = await ahead;
    signal.throwIfAborted();
    position += chunk.length;
    ahead = readAt(position);
    yield chunk;
  }
}

/** A new connection brings little at first: a small chunk is there a round trip or two before a large one. */
const FIRST_CHUNK_BYTES = 32 * 1024;

/** How many bytes the chunk at `position` of a span has: each as many as all before it, up to `chunkBytes`. */
export function chunkLength({ start, end }: Span, position: number, chunkBytes: number): number {
  return Math.min(chunkBytes, Math.max(FIRST_CHUNK_BYTES, position - start), end - position);
}

/** Exactly `length` bytes at a position, given away. */
export async function readChunk(source: ByteSource, position: number, length: number): Promise<Buffer> {
  const buffer = Buffer.allocUnsafeSlow(length);
  const read = await source.read(buffer, position);
  if (read === length) return giveAway(buffer);
  throw new RegistryError(
    'UNAVAILABLE',
    `The stored bytes end at ${position + read}, before the ${source.size} that were stored: the disk of this region is damaged.`,
  );
}

/** DIGEST_INVALID: other bytes came than those that the digest names. */
export function digestMismatch(expected: Digest, actual: Digest): RegistryError {
  return new RegistryError(
    'DIGEST_INVALID',
    `The content has the digest ${actual}, but ${expected} was expected. It was damaged on the way, or the wrong content was sent; send it again.`,
    { detail: { expected, actual } },
  );
}
