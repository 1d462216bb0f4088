import { parseDigest, type Digest } from '#libs/oci/digest.ts';
import { RegistryError } from '#libs/oci/errors.ts';
import type { Chunk } from '#types/meridian/v1/Chunk.ts';
import { readSpan, spanOf } from '../byte-range.ts';
import type { BlobReader, ByteSource } from '../driver.ts';
import type { StorageSettings } from '../settings.ts';
import type { Ingests } from './ingests.ts';
import type { OpenBlobs } from './open-blobs.ts';

export interface ReadContext {
  readonly driver: Pick<BlobReader, 'open'>;
  readonly opened: OpenBlobs;
  readonly ingests: Ingests;
  readonly settings: StorageSettings;
  /** Hears of a blob that could not be read to its end. */
  readonly suspect: (digest: Digest) => void;
}

/**
 * A blob that is held, or one that is arriving as it comes. BLOB_UNKNOWN: neither, or more than `maxAhead` bytes are to arrive before the
 * offset. RANGE_INVALID: it ends before the offset.
 */
export async function* readBlob(
  { driver, opened, ingests, settings, suspect }: ReadContext,
  {
    digest: text,
    offset,
    length,
    maxAhead = Infinity,
  }: { digest: string; offset: number; length: number; maxAhead?: number },
  signal: AbortSignal,
): AsyncGenerator<Chunk, void, undefined> {
  const digest = parseDigest(text);
  const range = { offset, length };
  // Who asks for all of it does not come again for the next piece.
  const open = (): Promise<ByteSource | undefined> => (length === 0 ? driver : opened).open(digest);
  const arrival = ingests.find(digest);
  let source = arrival === undefined ? await open() : undefined;
  if (source === undefined) {
    const following = arrival ?? (await ingests.await(digest, signal));
    if (await following?.isFar(offset, maxAhead, signal)) throw blobUnknown(digest);
    if (following !== undefined) {
      const arriving = following.read(range, settings.readChunkBytes, signal);
      if (yield* messages(arriving, { arriving: true })) return;
    }
    source = await open();
  }
  if (source === undefined) throw blobUnknown(digest);
  try {
    const span = spanOf(range, source.size);
    yield* messages(readSpan(source, span, settings.readChunkBytes, signal));
  } catch (error) {
    if (!signal.aborted) {
      await opened.forget(digest);
      suspect(digest);
    }
    throw error;
  } finally {
    await source.close();
  }
}

export function blobUnknown(digest: Digest): RegistryError {
  return new RegistryError('BLOB_UNKNOWN', `The blob ${digest} is not held in this region.`, {
    detail: { digest },
  });
}

/** `first` is said with the first of them. */
async function* messages<R>(
  chunks: AsyncGenerator<Buffer, R, undefined>,
  first: Omit<Chunk, 'data'> = {},
): AsyncGenerator<Chunk, R, undefined> {
  try {
    for (let said = first; ; said = {}) {
      const step = await chunks.next();
      if (step.done === true) return step.value;
      yield { ...said, data: step.value };
    }
  } finally {
    await chunks.return(undefined as R);
  }
}
