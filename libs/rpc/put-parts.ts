import type { PutBlob } from '#types/meridian/v1/PutBlob.ts';
import type { PutHeader } from '#types/meridian/v1/PutHeader.ts';
import { MAX_CHUNK_BYTES } from './limits.ts';

/** Bytes that are there whole, as Storage.Put takes them. */
export async function* putParts(header: PutHeader, bytes: Buffer): AsyncGenerator<PutBlob, void, undefined> {
  yield { header };
  for (let offset = 0; offset < bytes.length; offset += MAX_CHUNK_BYTES) {
    yield { data: bytes.subarray(offset, offset + MAX_CHUNK_BYTES) };
  }
}
