import { algorithmOf, createDigester, type Digest } from '#libs/oci/digest.ts';
import type { BlobReader, ByteSource } from '../driver.ts';
import type { BytePace } from './byte-pace.ts';

/** What a look at a blob's bytes found. */
export type Finding =
  | { readonly state: 'absent' }
  | { readonly state: 'whole'; readonly size: number }
  | { readonly state: 'damaged'; readonly size: number; readonly why: string };

export interface ExamineOptions {
  readonly chunkBytes: number;
  readonly pace: BytePace;
}

/** The medium's own words for bytes that are gone. Others, such as a lack of permission, are no damage. */
const UNREADABLE = new Set(['EIO', 'EBADMSG', 'EUCLEAN', 'EISDIR']);

/** Hashes what is stored under the digest. Throws errors of the medium that say nothing about the blob. */
export async function examineBlob(
  reader: BlobReader,
  digest: Digest,
  options: ExamineOptions,
  signal: AbortSignal,
): Promise<Finding> {
  let source: ByteSource | undefined;
  try {
    source = await reader.open(digest);
    if (source === undefined) return { state: 'absent' };
    const actual = await hash(source, digest, options, signal);
    const { size } = source;
    if (actual === digest) return { state: 'whole', size };
    return { state: 'damaged', size, why: `its bytes have the digest ${actual}` };
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    if (!UNREADABLE.has(code)) throw error;
    return { state: 'damaged', size: source?.size ?? 0, why: `it can't be read (${code})` };
  } finally {
    await source?.close();
  }
}

async function hash(
  source: ByteSource,
  digest: Digest,
  { chunkBytes, pace }: ExamineOptions,
  signal: AbortSignal,
): Promise<Digest> {
  const digester = createDigester(algorithmOf(digest));
  const buffer = Buffer.allocUnsafeSlow(Math.min(chunkBytes, Math.max(1, source.size)));
  for (let position = 0; position < source.size;) {
    const length = Math.min(buffer.length, source.size - position);
    await pace.spend(length, signal);
    const read = await source.read(buffer.subarray(0, length), position);
    // Cut short since it was opened: the digest says so.
    if (read === 0) break;
    digester.update(buffer.subarray(0, read));
    position += read;
  }
  return digester.digest();
}
