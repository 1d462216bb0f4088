import { mkdir, open, stat, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import { KeptOpen } from '#libs/kept-open.ts';

/** A push comes upon some of 256 directories at random. */
const KEPT_DIRECTORY_MS = 30_000;

/** Makes the names in a directory durable. */
export async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

export interface DirectorySyncer {
  sync(path: string): Promise<void>;
  /** Closes those that are open. */
  close(): Promise<void>;
}

/** `syncDirectory` for those that names come into again and again: they are kept open for a while. */
export function directorySyncer(): DirectorySyncer {
  const kept = new KeptOpen<string, FileHandle>({
    open: (path) => open(path, 'r'),
    // Nobody takes away a directory that blobs are in.
    isStill: () => Promise.resolve(true),
    close: (directory) => directory.close(),
    lingerMs: KEPT_DIRECTORY_MS,
  });
  return {
    sync: async (path) => {
      const lent = await kept.open(path);
      try {
        await lent?.value.sync();
      } finally {
        await lent?.close();
      }
    },
    close: () => kept.close(),
  };
}

/** Makes a directory and those above it that are missing; their names are durable when it returns. */
export async function makeDirectory(path: string): Promise<void> {
  // Not mkdir's own `recursive`: it never returns where a directory can't be made for ENOENT, as below /proc.
  const outcome = await tryMakeDirectory(path);
  if (outcome === 'ENOENT' && dirname(path) !== path) {
    await makeDirectory(dirname(path));
    await mkdir(path);
  }
  if (outcome !== 'EEXIST') await syncDirectory(dirname(path));
}

async function tryMakeDirectory(path: string): Promise<'made' | 'EEXIST' | 'ENOENT'> {
  try {
    await mkdir(path);
    return 'made';
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || (code === 'EEXIST' && (await stat(path)).isDirectory())) return code;
    throw error;
  }
}

/** `makeDirectory` that remembers what it made: whoever asks for a directory that is being made waits until it is durable. */
export function directoryMaker(): (path: string) => Promise<void> {
  const made = new Map<string, Promise<void>>();
  return (path) => {
    let making = made.get(path);
    if (making === undefined) {
      making = makeDirectory(path);
      made.set(path, making);
      making.catch(() => made.delete(path));
    }
    return making;
  };
}
