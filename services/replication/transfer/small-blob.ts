import type { Storage } from '#libs/rpc/contracts.ts';
import { MAX_CHUNK_BYTES } from '#libs/rpc/limits.ts';
import type { AnnounceBlob } from '#types/meridian/v1/AnnounceBlob.ts';

/** Whether the blob is one that others will want of `region`, which can send it whole in one message. */
export function sendsAlong({ region: holder, size, isNew }: AnnounceBlob, region: string): boolean {
  return isNew && holder === region && size > 0 && size <= MAX_CHUNK_BYTES;
}

/** All bytes of a blob of the region's own storage. Throws as Storage.Read does. */
export async function wholeBlob(
  storage: Pick<Storage, 'read'>,
  digest: string,
  signal: AbortSignal,
): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const { data } of storage.read({ digest, offset: 0, length: 0 }, { signal })) chunks.push(data);
  return Buffer.concat(chunks);
}
