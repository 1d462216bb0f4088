import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:net';

/** Below those that systems give to connections that go out: such a one would keep a service from starting again at its port. */
const PORTS = { min: 12_000, max: 32_000 };
const MAX_TRIES = 100;

/** So many different ports of 127.0.0.1 that nobody listens at just now. */
export async function freePorts(count: number): Promise<number[]> {
  const taken = new Map<number, Server>();
  for (let tries = 0; taken.size < count; tries++) {
    if (tries === count + MAX_TRIES) throw new Error(`There are no ${count} free ports on this machine.`);
    const port = randomInt(PORTS.min, PORTS.max);
    const server = taken.has(port) ? undefined : await listenAt(port);
    if (server !== undefined) taken.set(port, server);
  }
  await Promise.all([...taken.values()].map((server) => new Promise((resolve) => server.close(resolve))));
  return [...taken.keys()];
}

/** Undefined where somebody else does. */
async function listenAt(port: number): Promise<Server | undefined> {
  const server = createServer();
  server.listen(port, '127.0.0.1');
  try {
    await once(server, 'listening');
    return server;
  } catch {
    return undefined;
  }
}
