import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Links } from '#test/faults/support/links.ts';
import type { Context } from '../measure/context.ts';
import type { Server, StartServer } from '../servers/server.ts';
import { openLinkPort, type LinkPort } from './link-port.ts';
import { linkState, type LinkProfile } from './profile.ts';
import type { CachingPeer, Regions } from './regions.ts';

const PLACES = ['eu', 'ap'];

/** A registry in one region, and in each of two others a cache that pulls through from it. */
export async function startCacheRegions(
  context: Context,
  profile: LinkProfile,
  { name, origin: startOrigin, cache }: CachingPeer,
): Promise<Regions> {
  const dir = await mkdtemp(join(context.scratch, 'caches-'));
  const links = new Links(linkState(profile));
  const servers: Server[] = [];
  const ports: LinkPort[] = [];
  const start = async (starter: StartServer): Promise<Server> => {
    const dataDir = await mkdtemp(join(dir, 'server-'));
    const server = await starter({ dataDir, logsRequests: context.logsRequests });
    servers.push(server);
    return server;
  };
  const stop = async (): Promise<void> => {
    await Promise.all(servers.map((server) => server.stop()));
    await Promise.all(ports.map((port) => port.close()));
    await rm(dir, { recursive: true, force: true });
  };
  try {
    const origin = await start(startOrigin);
    const port = Number(new URL(`http://${origin.registry}`).port);
    const others: Server[] = [];
    for (const place of PLACES) {
      const upstream = await openLinkPort(links, place, { place: 'us', port });
      ports.push(upstream);
      others.push(await start(cache(upstream.address)));
    }
    return {
      name,
      origin,
      others,
      stop,
      wanBytes: (other) => (other === undefined ? links.bytes : links.link('us', PLACES[other] ?? '').bytes),
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** No registry between: what is downloaded comes over the link from plain Node. */
export function download(origin: StartServer): CachingPeer {
  return {
    name: 'plain download',
    origin,
    cache: (upstream) => async () => ({
      ...{
        name: 'plain download',
        version: process.version,
        durability: 'nothing is kept',
        registry: upstream,
      },
      pids: () => [],
      restart: async () => undefined,
      stop: async () => undefined,
    }),
  };
}
