import { opendir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { isAbsent, lookAt } from '#libs/files/look-at.ts';
import type { HeldBlob } from '../../driver.ts';
import { digestOfFile, type Layout } from '../../layout.ts';

/** Files that are looked at together while listing. */
const STAT_BATCH = 32;

/** Every blob in the directories of the layout, or those that begin so. */
export async function* listBlobs(
  layout: Layout,
  signal: AbortSignal,
  prefix = '',
): AsyncGenerator<HeldBlob, void> {
  for await (const { algorithm, directory } of blobDirectories(layout, prefix.slice(0, 2))) {
    let batch: Promise<HeldBlob | undefined>[] = [];
    for await (const { name } of await opendir(directory)) {
      const digest = name.startsWith(prefix) ? digestOfFile(algorithm, name) : undefined;
      if (digest === undefined) continue;
      batch.push(
        sizeOf(join(directory, name)).then((size) => (size === undefined ? undefined : { digest, size })),
      );
      if (batch.length < STAT_BATCH) continue;
      yield* await present(batch);
      signal.throwIfAborted();
      batch = [];
    }
    yield* await present(batch);
    signal.throwIfAborted();
  }
}

/** What lies in quarantine. */
export async function* listQuarantined(layout: Layout, signal: AbortSignal): AsyncGenerator<HeldBlob, void> {
  for (const algorithm of await names(layout.quarantine)) {
    for (const name of await names(join(layout.quarantine, algorithm))) {
      signal.throwIfAborted();
      const digest = digestOfFile(algorithm, name);
      if (digest !== undefined) yield { digest, size: (await sizeOf(layout.quarantined(digest))) ?? 0 };
    }
  }
}

/** The directories that blobs lie in, or those of that name. */
export async function* blobDirectories(
  layout: Layout,
  only = '',
): AsyncGenerator<{ algorithm: string; directory: string }, void> {
  for (const algorithm of await names(layout.blobs))
    for (const prefix of await names(layout.algorithmDirectory(algorithm)))
      if (only === '' || prefix === only)
        yield { algorithm, directory: join(layout.algorithmDirectory(algorithm), prefix) };
}

/** Bytes of a file; undefined where there is none. */
export async function sizeOf(path: string): Promise<number | undefined> {
  return (await lookAt(path))?.size;
}

/** The names in a directory; none where there is no directory. */
export async function names(directory: string): Promise<string[]> {
  try {
    return await readdir(directory);
  } catch (error) {
    if (isAbsent(error)) return [];
    throw error;
  }
}

async function present(batch: Promise<HeldBlob | undefined>[]): Promise<HeldBlob[]> {
  return (await Promise.all(batch)).filter((blob) => blob !== undefined);
}
