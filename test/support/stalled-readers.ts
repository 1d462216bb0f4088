import { once } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';

/** Opens connections that ask for `path`, take the first bytes of the answer and no more; resolves when all have some. */
export function stalledReaders(registry: string, path: string, count: number): Promise<Socket[]> {
  const { hostname, port } = new URL(`http://${registry}`);
  const stall = async (): Promise<Socket> => {
    const socket = connect(Number(port), hostname);
    socket.on('error', () => undefined);
    socket.write(`GET ${path} HTTP/1.1\r\nHost: registry\r\n\r\n`);
    const [first] = (await once(socket, 'data')) as [Buffer];
    socket.pause();
    if (!first.toString('latin1').startsWith('HTTP/1.1 200 ')) throw new Error(first.toString('latin1'));
    return socket;
  };
  return Promise.all(Array.from({ length: count }, stall));
}

/** What a process takes now: memory in bytes, and open files and sockets (Linux). */
export async function costOf(pid: number): Promise<{ memoryBytes: number; files: number }> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  const memoryBytes = Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024;
  return { memoryBytes, files: (await readdir(`/proc/${pid}/fd`)).length };
}
