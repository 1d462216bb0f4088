import { RegistryError } from '#libs/oci/errors.ts';
import { MAX_MANIFEST_BYTES, parseManifest, type Manifest } from '#libs/oci/manifest.ts';
import type { Digest } from '#libs/oci/digest.ts';
import type { Storage } from '#libs/rpc/contracts.ts';

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
  if (received !== size) {
    const message = `The manifest ${digest} should have ${size} bytes, but ${received > size ? 'more' : received} are stored under its digest.`;
    throw new RegistryError('SIZE_INVALID', message);
  }
  const bytes = Buffer.concat(chunks);
  return { manifest: parseManifest(bytes, mediaType === '' ? undefined : mediaType), bytes };
}
