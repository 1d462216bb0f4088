import { execFile } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Only root may mount, and in some containers not even root. */
export const canMountSmallDisks = process.platform === 'linux' && process.getuid?.() === 0;
/** For the names of tests that need it. */
export const smallDisksLeftOut = canMountSmallDisks
  ? ''
  : ' (left out: mounting a tmpfs needs root on Linux)';

export interface SmallDisk {
  unmount(): Promise<void>;
}

/** Mounts a disk of so many bytes, in memory; the caller unmounts it when nobody uses it any more. */
export async function mountSmallDisk(path: string, bytes: number): Promise<SmallDisk> {
  await mkdir(path, { recursive: true });
  await run('mount', ['-t', 'tmpfs', '-o', `size=${bytes}`, 'tmpfs', path]);
  return {
    unmount: async () => {
      await run('umount', [path]);
    },
  };
}
