import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findClient } from './client-program.ts';
import { startDaemon } from './daemon.ts';

/** A containerd of the tests' own, with nothing in it. */
export interface Containerd {
  readonly socket: string;
  /** containerd's own client. */
  readonly ctr: (...args: string[]) => Promise<string>;
  readonly stop: () => Promise<void>;
}

/** Gives why there is none where it can't be started: it needs root, and rights that not every root has. */
export async function startContainerd(): Promise<Containerd | string> {
  const client = findClient('ctr');
  const daemon = findClient('containerd');
  if (!client.usable || !daemon.usable) return 'no containerd and ctr on the PATH';
  // It would start, but unpack no layer.
  if (!findClient('unshare', ['--mount', 'true']).usable) return 'no rights to mount, as containers need it';
  const dir = await mkdtemp(join(tmpdir(), 'meridian-containerd-'));
  const socket = join(dir, 'socket');
  const config = join(dir, 'config.toml');
  await writeFile(config, configuration(dir, socket));
  const ctr = (...args: string[]): Promise<string> => client.run(['--address', socket, ...args]);
  const remove = (): Promise<void> => rm(dir, { recursive: true, force: true });
  try {
    const { stop } = await startDaemon('containerd', {
      args: ['--config', config],
      answers: () => ctr('version'),
    });
    return { socket, ctr, stop: () => stop().then(remove) };
  } catch (error) {
    await remove();
    return `containerd can't start here: ${String(error)}`;
  }
}

function configuration(dir: string, socket: string): string {
  return `version = 2
root = ${JSON.stringify(join(dir, 'root'))}
state = ${JSON.stringify(join(dir, 'state'))}
disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.internal.v1.opt"]
[grpc]
address = ${JSON.stringify(socket)}
`;
}
