import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findClient } from './client-program.ts';
import { startContainerd } from './containerd.ts';
import { startDaemon, type Daemon } from './daemon.ts';

/** A Docker engine of the tests' own, with no images and no network. */
export interface DockerEngine {
  readonly docker: (...args: string[]) => Promise<string>;
  /** The same for someone whose credentials are kept in that directory, with something to read. */
  readonly as: (config: string, input: string | undefined, ...args: string[]) => Promise<string>;
  readonly stop: () => Promise<void>;
}

/** Gives why there is none where it can't be started: it needs root, and rights that not every root has. */
export async function startDockerEngine(): Promise<DockerEngine | string> {
  const client = findClient('docker');
  const daemon = findClient('dockerd');
  if (!client.usable || !daemon.usable) return 'no docker and dockerd on the PATH';
  const containerd = await startContainerd();
  if (typeof containerd === 'string') return containerd;
  const dir = await mkdtemp(join(tmpdir(), 'meridian-docker-'));
  const host = `unix://${join(dir, 'socket')}`;
  await writeFile(join(dir, 'daemon.json'), '{}');
  const env = { DOCKER_HOST: host, DOCKER_CONFIG: join(dir, 'client'), DOCKER_CLI_EXPERIMENTAL: 'enabled' };
  const docker = (...args: string[]): Promise<string> => client.run(args, { env });
  const as: DockerEngine['as'] = (config, input, ...args) =>
    client.run(args, { env: { ...env, DOCKER_CONFIG: config }, ...(input !== undefined && { input }) });
  const stop = async (engine?: Daemon): Promise<void> => {
    await engine?.stop();
    await containerd.stop();
    await rm(dir, { recursive: true, force: true });
  };
  try {
    const engine = await startDaemon('dockerd', {
      args: [...daemonOptions(dir), '--host', host, '--containerd', containerd.socket],
      answers: () => docker('version'),
    });
    return { docker, as, stop: () => stop(engine) };
  } catch (error) {
    await stop();
    return `dockerd can't start here: ${String(error)}`;
  }
}

function daemonOptions(dir: string): string[] {
  return [
    ...['--config-file', join(dir, 'daemon.json'), '--pidfile', join(dir, 'pid')],
    ...['--data-root', join(dir, 'data'), '--exec-root', join(dir, 'exec')],
    // Copies layers whole, which works on every file system.
    ...['--storage-driver', 'vfs'],
    ...[
      '--bridge=none',
      '--iptables=false',
      '--ip6tables=false',
      '--ip-masq=false',
      '--userland-proxy=false',
    ],
    ...['--insecure-registry', '127.0.0.0/8'],
  ];
}
