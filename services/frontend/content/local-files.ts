import type { Stats } from 'node:fs';
import { LRUCache } from 'lru-cache';
import type { OpenFile } from '#libs/files/open-file.ts';
import { volumeFiles, type VolumeFiles } from '#libs/files/volume-files.ts';
import { KeptOpen } from '#libs/kept-open.ts';
import type { Digest } from '#libs/oci/digest.ts';
import type { Storage } from '#libs/rpc/contracts.ts';
import { Unanswered } from '#libs/rpc/errors.ts';
import { unknown } from './unknown.ts';
import type { Verification } from './verification.ts';

/** The files of storage's volume, where this process sees it too: the shortest way for bytes. */
export interface LocalFiles {
  /** The open file of a blob that is held whole; undefined when there is none to open here. The caller closes it. */
  open(digest: Digest, size: number, signal: AbortSignal): Promise<LocalFile | undefined>;
}

export interface LocalFile {
  readonly handle: OpenFile;
  /** Absolute. */
  readonly path: string;
  /** Another one as soon as the file is another, or is written to. */
  readonly version: string;
  readonly close: () => Promise<void>;
}

export function createLocalFiles(options: {
  storage: Pick<Storage, 'locate'>;
  verification: Pick<Verification, 'isGone'>;
  maxCachedPaths: number;
  retryMs: number;
  /** Monotonic time in milliseconds. */
  now: () => number;
}): LocalFiles {
  const { storage, verification, retryMs, now } = options;
  const volume = volumeFiles();
  const paths = new LRUCache<string, string>({ max: options.maxCachedPaths });
  const files = new KeptOpen<string, BlobFile>({
    open: (path) => openFile(volume, path),
    isStill: async (path, { version }) => {
      const found = await volume.stat(path).catch(() => undefined);
      return found !== undefined && versionOf(found) === version;
    },
    close: ({ handle }) => handle.close(),
  });
  let elsewhereUntil = 0;

  const locate = async (digest: Digest, signal: AbortSignal): Promise<string | undefined> => {
    if (now() < elsewhereUntil) return undefined;
    try {
      const { path } = await storage.locate({ digest }, { signal });
      if (path !== '') return path;
      elsewhereUntil = now() + retryMs;
    } catch (error) {
      // While storage is away, the bytes come from elsewhere.
      if (!unknown(error) && !(error instanceof Unanswered)) throw error;
    }
    return undefined;
  };

  return {
    open: async (digest, size, signal) => {
      const known = paths.get(digest);
      if (known !== undefined) {
        const file = await openWhole(files, known, size);
        if (typeof file === 'object') return file;
        paths.delete(digest);
      }
      const path = await locate(digest, signal);
      if (path === undefined) return undefined;
      const file = await openWhole(files, path, size);
      if (typeof file === 'object') {
        paths.set(digest, path);
        return file;
      }
      // A file that is none of this blob is not there any more once the storage has looked.
      if (file === 'another') await verification.isGone(digest, signal);
      else elsewhereUntil = now() + retryMs;
      return undefined;
    },
  };
}

interface BlobFile {
  readonly handle: OpenFile;
  readonly size: number;
  readonly version: string;
}

/** Or why not: it is not here, or not the blob's. */
async function openWhole(
  files: KeptOpen<string, BlobFile>,
  path: string,
  size: number,
): Promise<LocalFile | 'absent' | 'another'> {
  const lent = await files.open(path).catch(() => undefined);
  if (lent === undefined) return 'absent';
  const { value, close } = lent;
  if (value.size === size) return { ...value, path, close };
  await close();
  return 'another';
}

async function openFile(volume: VolumeFiles, path: string): Promise<BlobFile> {
  const handle = await volume.open(path);
  try {
    const found = await handle.stat();
    return { handle, size: found.size, version: versionOf(found) };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

function versionOf({ dev, ino, mtimeMs, ctimeMs, size }: Stats): string {
  return [dev, ino, mtimeMs, ctimeMs, size].join(' ');
}
