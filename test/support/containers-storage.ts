import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findClient, type Availability, type ClientProgram } from './client-program.ts';

/** podman and buildah with images of their own below `dir`, on any file system and without a network or systemd. */
export interface ContainersStorage {
  readonly podman: (...args: string[]) => Promise<string>;
  readonly buildah: (...args: string[]) => Promise<string>;
}

const ENVIRONMENT = { BUILDAH_ISOLATION: 'chroot' };
const found = { podman: probe('podman', podmanOptions), buildah: probe('buildah', storageOptions) };

export const podmanAvailable: Availability = found.podman;
export const buildahAvailable: Availability = found.buildah;

export function containersStorage(dir: string): ContainersStorage {
  const run = (program: ClientProgram, args: string[]): Promise<string> =>
    program.run(args, { env: ENVIRONMENT });
  return {
    podman: (...args) => run(found.podman, [...podmanOptions(dir), ...args]),
    buildah: (...args) => run(found.buildah, [...storageOptions(dir), ...args]),
  };
}

/** That it is installed says little: without enough rights it can't even list images. */
function probe(name: string, options: (dir: string) => string[]): ClientProgram {
  const dir = mkdtempSync(join(tmpdir(), 'meridian-probe-'));
  try {
    return findClient(name, [...options(dir), 'images'], { env: ENVIRONMENT });
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

function podmanOptions(dir: string): string[] {
  const state = ['--tmpdir', join(dir, 'tmp'), '--cgroup-manager', 'cgroupfs', '--events-backend', 'file'];
  return [...storageOptions(dir), ...state];
}

function storageOptions(dir: string): string[] {
  return ['--root', join(dir, 'root'), '--runroot', join(dir, 'run'), '--storage-driver', 'vfs'];
}
