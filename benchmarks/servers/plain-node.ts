import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Server, ServerOptions } from './server.ts';

/** No registry: the least that Node must do to store blobs by digest and to send them, as a measure of the machine. */
export async function startPlainNode({ dataDir }: ServerOptions): Promise<Server> {
  await mkdir(dataDir, { recursive: true });
  const start = async (): Promise<{ pid: number; port: number; stop: () => Promise<void> }> => {
    const child = fork(join(import.meta.dirname, 'plain-node-server.ts'), [dataDir], { execArgv: [] });
    const [port] = (await once(child, 'message')) as [number];
    const stop = async (): Promise<void> => {
      const ended = once(child, 'exit');
      child.disconnect();
      await ended;
    };
    return { pid: child.pid ?? 0, port, stop };
  };
  const running = await start();
  return {
    name: 'plain Node',
    version: process.version,
    durability: 'files are flushed, directories are not',
    registry: `127.0.0.1:${running.port}`,
    pids: () => [running.pid],
    restart: () => Promise.reject(new Error('Plain Node keeps nothing that a restart would empty.')),
    stop: running.stop,
  };
}
