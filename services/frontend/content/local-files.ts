import { open, type FileHandle } from 'node:fs/promises';
import { LRUCache } from 'lru-cache';
import type { Storage } from '#libs/rpc/contracts.ts';
import { unknown } from './unknown.ts';

/** The files of storage's volume, where this process sees it too: the shortest way for bytes. */
export interface LocalFiles {
  /** The open file of a blob that is held whole; undefined when there is none to open here. The caller closes it. */
  open(digest: string, size: number, signal: AbortSignal): Promise<FileHandle | undefined>;
}

export function createLocalFiles(options: {
  storage: Pick<Storage, 'locate'>;
  maxCachedPaths: number;
  retryMs: number;
  /** Monotonic time in milliseconds. */
  now: () => number;
}): LocalFiles {
  const { storage, retryMs, now } = options;
  const paths = new LRUCache<string, string>({ max: options.maxCachedPaths });
  let elsewhereUntil = 0;

  const locate = async (digest: string, signal: AbortSignal): Promise<string | undefined> => {
    if (now() < elsewhereUntil) return undefined;
    try {
      const { path } = await storage.locate({ digest }, { signal });
      if (path !== '') return path;
      elsewhereUntil = now() + retryMs;
    } catch (error) {
      if (!unknown(error)) throw error;
    }
    return undefined;
  };

  return {
    open: async (digest, size, signal) => {
      const known = paths.get(digest);
      if (known !== undefined) {
        const file = await openWhole(known, size);
        if (file !== undefined) return file;
        paths.delete(digest);
      }
      const path = await locate(digest, signal);
      if (path === undefined) return undefined;
      const file = await openWhole(path, size);
      if (file === undefined) elsewhereUntil = now() + retryMs;
      else paths.set(digest, path);
      return file;
    },
  };
}

/** Undefined for a file that is not here, or is another one. */
async function openWhole(path: string, size: number): Promise<FileHandle | undefined> {
  const file = await open(path).catch(() => undefined);
  if (file === undefined) return undefined;
  const stat = await file.stat();
  if (stat.isFile() && stat.size === size) return file;
  await file.close();
  return undefined;
}
