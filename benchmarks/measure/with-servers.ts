import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Server, StartServer } from '../servers/server.ts';
import type { Context } from './context.ts';

/** Starts servers on empty directories of the same file system, and ends them and removes what they wrote whatever happens. */
export async function withServers<T>(
  context: Context,
  starters: readonly StartServer[],
  use: (servers: readonly Server[]) => Promise<T>,
): Promise<T> {
  const dir = await mkdtemp(join(context.scratch, 'servers-'));
  const servers: Server[] = [];
  try {
    for (const start of starters) {
      const dataDir = await mkdtemp(join(dir, 'server-'));
      const server = await start({ dataDir, logsRequests: context.logsRequests });
      servers.push(server);
      context.onServer(server);
    }
    return await use(servers);
  } finally {
    await Promise.all(servers.map((server) => server.stop()));
    await rm(dir, { recursive: true, force: true });
  }
}
