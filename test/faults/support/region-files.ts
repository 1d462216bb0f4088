import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, readdir, stat, unlink } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { parseDigest, algorithmOf } from '#libs/oci/digest.ts';
import { layoutOf } from '#services/storage/layout.ts';

interface OnDisk {
  readonly dataDir: string;
}

/** Where a region keeps a blob that it holds. */
export function blobFile({ dataDir }: OnDisk, digest: string): string {
  return layoutOf(join(dataDir, 'storage')).blob(parseDigest(digest));
}

export async function holdsBlob(region: OnDisk, digest: string): Promise<boolean> {
  return stat(blobFile(region, digest)).then(
    () => true,
    () => false,
  );
}

/** As a disk that forgets. */
export async function deleteBlobFile(region: OnDisk, digest: string): Promise<void> {
  await unlink(blobFile(region, digest));
}

/** As a disk that remembers wrongly: turns one bit over. */
export async function flipBit(region: OnDisk, digest: string, position: number): Promise<void> {
  const file = await open(blobFile(region, digest), 'r+');
  try {
    const byte = Buffer.alloc(1);
    await file.read(byte, 0, 1, position);
    await file.write(Buffer.from([(byte[0] ?? 0) ^ 1]), 0, 1, position);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** The files among a region's blobs that are not what their names say: there must never be one. */
export async function wrongBlobFiles({ dataDir }: OnDisk): Promise<string[]> {
  const { blobs } = layoutOf(join(dataDir, 'storage'));
  const names = await readdir(blobs, { recursive: true, encoding: 'utf8' });
  const wrong: string[] = [];
  for (const name of names) {
    const [algorithm = ''] = name.split('/');
    const path = join(blobs, name);
    try {
      if (!(await stat(path)).isFile()) continue;
      const hash = createHash(algorithmOf(parseDigest(`${algorithm}:${basename(name)}`)));
      await pipeline(createReadStream(path), hash);
      if (hash.digest('hex') !== basename(name)) wrong.push(path);
    } catch (error) {
      // A collection may have removed it meanwhile.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }
  return wrong;
}
