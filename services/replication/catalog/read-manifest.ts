import { RegistryError } from '#libs/oci/errors.ts';
import { MAX_MANIFEST_BYTES, parseManifest, type Manifest } from '#libs/oci/manifest.ts';
import { algorithmOf, digestOf, type Digest } from '#libs/oci/digest.ts';
import type { Storage } from '#libs/rpc/contracts.ts';

/** A manifest as it is named. */
interface Stored {
  readonly digest: Digest;
  readonly mediaType: string;
  readonly size: number;
}

/** What the region's storage holds under the digest, read as a manifest. Throws BLOB_UNKNOWN, MANIFEST_INVALID, SIZE_INVALID, TOO_LARGE. */
export async function readManifest(
  storage: Pick<Storage, 'read'>,
  stored: Stored,
  signal: AbortSignal,
): Promise<Manifest> {
  return (await readManifestBytes(storage, stored, signal)).manifest;
}

/** The same with its bytes. */
export async function readManifestBytes(
  storage: Pick<Storage, 'read'>,
  { digest, mediaType, size }: Stored,
  signal: AbortSignal,
): Promise<{ manifest: Manifest; bytes: Buffer }> {
  if (size > MAX_MANIFEST_BYTES) {
    const message = `The manifest has ${size} bytes; at most ${MAX_MANIFEST_BYTES} are accepted.`;
    throw new RegistryError('TOO_LARGE', message);
  }
  const chunks: Uint8Array[] = [];
  let received = 0;
  for await (const { data } of storage.read({ digest, offset: 0, length: 0 }, { signal })) {
    received += data.length;
    if (received > size) break;
    chunks.push(data);
  }
  requireSize({ digest, size }, received);
  const bytes = Buffer.concat(chunks);
  return { manifest: parseStored(bytes, mediaType), bytes };
}

/** A manifest of these bytes, which did not come from the storage. Throws DIGEST_INVALID, SIZE_INVALID, MANIFEST_INVALID. */
export function takeManifest(bytes: Buffer, stored: Stored): { manifest: Manifest; bytes: Buffer } {
  const actual = digestOf(bytes, algorithmOf(stored.digest));
  if (actual !== stored.digest) {
    const message = `The manifest should have the digest ${stored.digest}, but what came along with its push has ${actual}.`;
    throw new RegistryError('DIGEST_INVALID', message);
  }
  requireSize(stored, bytes.length);
  return { manifest: parseStored(bytes, stored.mediaType), bytes };
}

/** Throws SIZE_INVALID unless so many bytes are what they should be. */
function requireSize({ digest, size }: Pick<Stored, 'digest' | 'size'>, bytes: number): void {
  if (bytes === size) return;
  const message = `The manifest ${digest} should have ${size} bytes, but ${bytes > size ? 'more' : bytes} are there under its digest.`;
  throw new RegistryError('SIZE_INVALID', message);
}

/** Throws MANIFEST_INVALID. */
function parseStored(bytes: Buffer, mediaType: string): Manifest {
  return parseManifest(bytes, mediaType === '' ? undefined : mediaType);
}
