import { createLetGo as createHonestly, type LetGoOptions } from '#services/replication/collect/let-go.ts';
import type { PeerDirectory } from '#services/replication/peers/directory.ts';
import type { RemoteRegion } from '#services/replication/peers/remote-region.ts';

/** Is content with others having a copy, which nothing keeps there. */
export function createLetGo(options: LetGoOptions): ReturnType<typeof createHonestly> {
  const { directory } = options;
  const askingOnly = (remote: RemoteRegion): RemoteRegion => ({
    ...remote,
    peer: {
      ...remote.peer,
      hold: async (content, context) => {
        const digests = content.blobs.map(({ digest }) => digest);
        const { blobs } = await remote.peer.stat({ digests }, context);
        if (blobs.length < digests.length) return remote.peer.hold(content, context);
        return { missing: [], epoch: 0, region: remote.region };
      },
    },
  });
  const nearestFirst: PeerDirectory['nearestFirst'] = () => directory.nearestFirst().map(askingOnly);
  return createHonestly({ ...options, directory: { ...directory, nearestFirst } });
}
