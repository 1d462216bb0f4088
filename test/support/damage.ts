import { mkdir, open, readFile, rm, truncate, unlink } from 'node:fs/promises';
import { parseDigest } from '#libs/oci/digest.ts';
import { layoutOf } from '#services/storage/layout.ts';

/** Ways in which a disk loses a blob; `dataDir` is the storage's own. */
export const DAMAGES = {
  'with a flipped bit': async (dataDir: string, digest: string) => {
    const path = blobPath(dataDir, digest);
    const middle = Math.floor((await readFile(path)).length / 2);
    const file = await open(path, 'r+');
    try {
      const byte = Buffer.alloc(1);
      await file.read(byte, 0, 1, middle);
      await file.write(Buffer.from([(byte[0] ?? 0) ^ 1]), 0, 1, middle);
    } finally {
      await file.close();
    }
  },
  'cut short': async (dataDir: string, digest: string) => {
    const path = blobPath(dataDir, digest);
    await truncate(path, (await readFile(path)).length - 1);
  },
  // A directory can be opened and not read, whoever asks.
  unreadable: async (dataDir: string, digest: string) => {
    await unlink(blobPath(dataDir, digest));
    await mkdir(blobPath(dataDir, digest));
  },
} as const satisfies Record<string, (dataDir: string, digest: string) => Promise<void>>;

export type Damage = keyof typeof DAMAGES;

export async function loseBlob(dataDir: string, digest: string): Promise<void> {
  await rm(blobPath(dataDir, digest));
}

export function blobPath(dataDir: string, digest: string): string {
  return layoutOf(dataDir).blob(parseDigest(digest));
}

export function quarantinePath(dataDir: string, digest: string): string {
  return layoutOf(dataDir).quarantined(parseDigest(digest));
}
