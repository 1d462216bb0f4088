import { rename, rm, statfs, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { failpoint } from '#libs/failpoint.ts';
import { isAbsent } from '#libs/files/look-at.ts';
import { volumeFiles } from '#libs/files/volume-files.ts';
import type { DigestAlgorithm } from '#libs/oci/digest.ts';
import type { StagingArea, StorageDriver } from '../../driver.ts';
import type { Layout } from '../../layout.ts';
import { blobDirectories, listBlobs, listQuarantined, names, sizeOf } from './blob-files.ts';
import { directoryMaker, directorySyncer, makeDirectory, syncDirectory } from './durable.ts';
import { openFileSource } from './file-source.ts';
import { openStagedFile } from './staged-file.ts';

const ALGORITHMS: readonly DigestAlgorithm[] = ['sha256', 'sha512'];

/** A local file system (one that renames atomically, as journaling ones do) as the medium. Makes the directories it needs. */
export async function openFilesystemDriver(layout: Layout): Promise<StorageDriver> {
  const algorithms = ALGORITHMS.map((algorithm) => layout.algorithmDirectory(algorithm));
  for (const path of [...algorithms, layout.area('uploads'), layout.area('ingests')])
    await makeDirectory(path);
  // At most one entry per blob directory, of which there are 256 an algorithm.
  const makeBlobDirectory = directoryMaker();
  const makeQuarantine = directoryMaker();
  const blobDirectoriesInUse = directorySyncer();
  const files = volumeFiles();
  return {
    stat: async (digest) => (await files.stat(layout.blob(digest)))?.size,
    open: (digest) => openFileSource(files, layout.blob(digest)),
    locate: (digest) => ({ path: layout.blob(digest), url: '' }),
    list: (signal, prefix) => listBlobs(layout, signal, prefix),

    stage: (area, name, size) => openStagedFile(layout.staged(area, name), size, area === 'uploads'),
    publish: async (area, name, digest) => {
      const directory = layout.blobDirectory(digest);
      await makeBlobDirectory(directory);
      await rename(layout.staged(area, name), layout.blob(digest));
      failpoint('blob.renamed');
      try {
        await blobDirectoriesInUse.sync(directory);
      } catch (error) {
        // What can be seen is durable; this may not be.
        await rename(layout.blob(digest), layout.staged(area, name));
        throw error;
      }
    },
    discard: (area, name) => removeFile(layout.staged(area, name)),

    remove: async (digest) => {
      await removeFile(layout.blob(digest));
      await blobDirectoriesInUse.sync(layout.blobDirectory(digest));
    },

    quarantine: async (digest) => {
      await makeQuarantine(layout.quarantineDirectory(digest));
      // What was there before may be a directory, which no rename replaces.
      await rm(layout.quarantined(digest), { recursive: true, force: true });
      await rename(layout.blob(digest), layout.quarantined(digest));
      await syncDirectory(layout.quarantineDirectory(digest));
      await blobDirectoriesInUse.sync(layout.blobDirectory(digest));
    },

    listQuarantined: (signal) => listQuarantined(layout, signal),
    discardQuarantined: async (digest) => {
      await rm(layout.quarantined(digest), { recursive: true, force: true });
    },

    settle: async () => {
      await syncDirectory(layout.root);
      await syncDirectory(layout.blobs);
      for (const algorithm of await names(layout.blobs))
        await syncDirectory(layout.algorithmDirectory(algorithm));
      for await (const { directory } of blobDirectories(layout)) await syncDirectory(directory);
    },
    staged: (area) => sizesIn(layout, area),
    freeBytes: async () => {
      const { bavail, bsize } = await statfs(layout.root);
      return bavail * bsize;
    },
    close: () => blobDirectoriesInUse.close(),
  };
}

async function removeFile(path: string): Promise<void> {
  try {
    await unlink(path);
  } catch (error) {
    if (!isAbsent(error)) throw error;
  }
}

async function sizesIn(layout: Layout, area: StagingArea): Promise<Map<string, number>> {
  const sizes = new Map<string, number>();
  for (const name of await names(layout.area(area))) {
    const size = await sizeOf(join(layout.area(area), name));
    if (size !== undefined) sizes.set(name, size);
  }
  return sizes;
}
