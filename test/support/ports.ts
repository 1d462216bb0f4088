import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:net';

/** Below those that systems give to connections that go out: such a one would keep a service from starting again at its port. */
const FIRST_PORT = 12_000;
const PORTS_EACH = 2_500;
/** Of tests that run side by side each takes ports of its own: what it was given may not be listened at for a while. */
const SHARES = 8;
const share = Number(process.env['VITEST_POOL_ID'] ?? 0) % SHARES;
const PORTS = { min: FIRST_PORT + share * PORTS_EACH, max: FIRST_PORT + (share + 1) * PORTS_EACH };
const given = new Set<number>();
const MAX_TRIES = 100;

/** So many different ports of 127.0.0.1 that nobody listens at just now, and that were not given before. */
export async function freePorts(count: number): Promise<number[]> {
  const taken = new Map<number, Server>();
  for (let tries = 0; taken.size < count; tries++) {
    if (tries === count + MAX_TRIES) throw new Error(`There are no ${count} free ports on this machine.`);
    const port = randomInt(PORTS.min, PORTS.max);
    const server = given.has(port) ? undefined : await listenAt(port);
    if (server === undefined) continue;
    given.add(port);
    taken.set(port, server);
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
