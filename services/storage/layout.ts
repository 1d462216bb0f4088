import { join, resolve } from 'node:path';
import { algorithmOf, hexOf, isDigest, type Digest } from '#libs/oci/digest.ts';
import type { StagingArea } from './driver.ts';

/*
 * The data directory of one region's storage:
 *
 *   blobs/<algorithm>/<2 hex>/<hex>   complete, verified, fsynced (file and directories), never changed
 *   uploads/<id>                      bytes that clients have sent so far; the offsets are in owner.sqlite
 *   ingests/<random>                  bytes on their way in from elsewhere; of no use after a restart, so removed then
 *   quarantine/<algorithm>/<hex>      what turned out not to have its digest; for people to look at, removed after a time
 *   owner.sqlite                      uploads, pins, keys; locked by the one process that owns the directory
 */
export interface Layout {
  /** Absolute. */
  readonly root: string;
  readonly ownerDatabase: string;
  readonly blobs: string;
  algorithmDirectory(algorithm: string): string;
  blobDirectory(digest: Digest): string;
  blob(digest: Digest): string;
  readonly quarantine: string;
  quarantineDirectory(digest: Digest): string;
  quarantined(digest: Digest): string;
  area(area: StagingArea): string;
  staged(area: StagingArea, name: string): string;
}

export function layoutOf(dataDir: string): Layout {
  const root = resolve(dataDir);
  const blobs = join(root, 'blobs');
  const blobDirectory = (digest: Digest): string =>
    join(blobs, algorithmOf(digest), hexOf(digest).slice(0, 2));
  const quarantine = join(root, 'quarantine');
  const quarantineDirectory = (digest: Digest): string => join(quarantine, algorithmOf(digest));
  return {
    root,
    ownerDatabase: join(root, 'owner.sqlite'),
    blobs,
    algorithmDirectory: (algorithm) => join(blobs, algorithm),
    blobDirectory,
    blob: (digest) => join(blobDirectory(digest), hexOf(digest)),
    quarantine,
    quarantineDirectory,
    quarantined: (digest) => join(quarantineDirectory(digest), hexOf(digest)),
    area: (area) => join(root, area),
    staged: (area, name) => join(root, area, name),
  };
}

/** The digest that a file in a blob directory stands for; undefined for a file that is none of ours. */
export function digestOfFile(algorithm: string, name: string): Digest | undefined {
  const text = `${algorithm}:${name}`;
  return isDigest(text) ? text : undefined;
}
