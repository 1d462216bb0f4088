import { constants, open, openSync, statSync, type Stats } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import { BriefCalls, IN_OTHER_THREADS, type Calls } from './calls.ts';
import { lookAt } from './look-at.ts';
import { OpenFile } from './open-file.ts';

/** The files of one volume, for reading. All calls reject with the system's errors. */
export interface VolumeFiles {
  /** The caller closes it. */
  open(path: string): Promise<OpenFile>;
  /** Undefined where there is nothing. */
  stat(path: string): Promise<Stats | undefined>;
}

export interface VolumeOptions {
  /** For a file system of this machine. */
  readonly calls?: Calls;
  /** Of which kind the file system is that a directory belongs to, by statfs(2). */
  readonly kindOf?: (directory: string) => Promise<number>;
}

const openElsewhere = promisify(open);

/**
 * Opens files and looks at them at once, as long as that is brief, except on a file system of another machine, which may be cut off. Of which kind
 * it is, the first path that is used says; until then other threads do everything. Changes are no part of it: they wait for the file system's
 * journal while something else is made durable.
 */
export function volumeFiles({
  calls: brief = new BriefCalls(),
  kindOf = kindOfFileSystem,
}: VolumeOptions = {}): VolumeFiles {
  let calls = IN_OTHER_THREADS;
  let isKnown = false;
  const learn = async (path: string): Promise<void> => {
    isKnown = true;
    try {
      if (!REMOTE.has(await kindOf(dirname(path)))) calls = brief;
    } catch {
      // There may be a directory for the next path.
      isKnown = false;
    }
  };
  const callsFor = (path: string): Calls => {
    if (!isKnown) learn(path).catch(() => undefined);
    return calls;
  };
  return {
    open: async (path) => {
      const chosen = callsFor(path);
      const descriptor = await chosen.make(
        () => openSync(path, constants.O_RDONLY),
        () => openElsewhere(path, constants.O_RDONLY),
      );
      return new OpenFile(descriptor, chosen);
    },
    stat: (path) =>
      callsFor(path).make(
        () => statSync(path, { throwIfNoEntry: false }),
        () => lookAt(path),
      ),
  };
}

async function kindOfFileSystem(directory: string): Promise<number> {
  return (await statfs(directory)).type;
}

/** The kinds of those that lie on other machines, or may: https://man7.org/linux/man-pages/man2/statfs.2.html */
const REMOTE: ReadonlySet<number> = new Set([
  0x6969, // NFS
  0x517b, // SMB
  0xff534d42, // CIFS
  0xfe534d42, // SMB2
  0x65735546, // FUSE
  0x01021997, // 9P
  0x00c36400, // Ceph
  0x5346414f, // AFS
  0x47504653, // GPFS
  0x0bd00bd0, // Lustre
  0x7461636f, // OCFS2
  0x01161970, // GFS2
]);
