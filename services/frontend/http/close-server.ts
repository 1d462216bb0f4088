import { once } from 'node:events';
import type { Server } from 'node:http';

/** Takes no new connections. Connections without a request are closed at once, and the others as soon as theirs is answered. */
export async function closeServer(server: Server, graceMs: number): Promise<void> {
  const closed = once(server, 'close');
  server.close();
  const idle = setInterval(() => server.closeIdleConnections(), IDLE_CHECK_MS);
  const grace = setTimeout(() => server.closeAllConnections(), graceMs);
  await closed;
  clearInterval(idle);
  clearTimeout(grace);
}

const IDLE_CHECK_MS = 50;
