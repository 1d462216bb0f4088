import type { Peer, Storage } from '#libs/rpc/contracts.ts';
import type { Announcements } from './announce.ts';
import { holdContent, type HoldOptions } from './hold-content.ts';

export interface PeerServerOptions extends HoldOptions {
  readonly region: string;
  readonly process: string;
  readonly catalogId: () => string;
  readonly storage: Storage;
  readonly announcements: Announcements;
}

/** What this region answers the others. Only its own storage is asked, never a third region: so no call goes in circles. */
export function createPeerServer(options: PeerServerOptions): Peer {
  const { region, process, catalogId, storage, announcements } = options;
  return {
    ping: async () => ({ region, process, catalogId: catalogId() }),
    read: (request, { signal }) => storage.read(request, { signal }),
    stat: (request, { signal }) => storage.stat(request, { signal }),
    pins: (request, { signal }) => storage.pins(request, { signal }),
    announce: async (blob) => {
      announcements.hear(blob);
      return {};
    },
    hold: async (content, { signal }) => ({ region, ...(await holdContent(content, options, signal)) }),
  };
}
