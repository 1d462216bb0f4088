import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findClient, type Availability, type ClientProgram } from './client-program.ts';

/** podman and buildah with images of their own below `dir`, on any file system and without a network or systemd. */
export interface ContainersStorage {
  readonly podman: (...args: string[]) => Promise<string>;
  readonly buildah: (...args: string[]) => Promise<string>;
  /** The same with something to read. */
  readonly withInput: (input: string) => Pick<ContainersStorage, 'podman' | 'buildah'>;
}

const ENVIRONMENT = { BUILDAH_ISOLATION: 'chroot' };
const found = { podman: probe('podman', podmanOptions), buildah: probe('buildah', storageOptions) };

export const podmanAvailable: Availability = found.podman;
export const buildahAvailable: Availability = found.buildah;

export function containersStorage(dir: string): ContainersStorage {
  const programs = (input?: string): Pick<ContainersStorage, 'podman' | 'buildah'> => {
    const options = { env: ENVIRONMENT, ...(input !== undefined && { input }) };
    return {
      podman: (...args) => found.podman.run([...podmanOptions(dir), ...args], options),
      buildah: (...args) => found.buildah.run([...storageOptions(dir), ...args], options),
    };
  };
  return { ...programs(), withInput: programs };
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
