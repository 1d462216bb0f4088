import { openRpcChannel, type RpcChannel, type RpcChannelOptions } from '#libs/rpc/client.ts';
import { peerContract, type Peer } from '#libs/rpc/contracts.ts';
import type { ReadForRegion } from '#types/meridian/v1/ReadForRegion.ts';

/** Peer.Read, where it is known for which region. */
export type ReadFromRegion = (
  request: Omit<ReadForRegion, 'region'>,
  context: Parameters<Peer['read']>[1],
) => ReturnType<Peer['read']>;

/**
 * Connections to a region for the bulk of blobs, besides the one that all other calls share: one alone does not fill a long link, and small
 * answers must not wait behind large ones.
 */
export interface Lanes {
  /** How many of them the round trip is worth. */
  count(): number;
  /** Has so many of them connected soon: the first to need them need not wait for that. */
  connect(): void;
  /** As the region's Peer.Read, on the connection that has the least to bring. */
  readonly read: ReadFromRegion;
  /** When the last bytes came on any of them, by the clock of `performance`. */
  heardAt(): number;
  close(): void;
}

export interface LaneOptions extends RpcChannelOptions {
  readonly linkConnections: number;
  /** This region's name: who asks for bytes says where they go. */
  readonly asking: string;
  /** The shortest of late, which is the way's; Infinity while none is known. */
  readonly roundTripMs: () => number;
}

/** A connection has some 3 MB under way, as kernels limit it: about 1 Gbit/s at such a round trip, and less at longer ones. */
const ROUND_TRIP_OF_ONE_MS = 20;

/** Opens a connection when it is first used, or by `connect`. */
export function openLanes({ linkConnections, asking, roundTripMs, ...channelOptions }: LaneOptions): Lanes {
  const lanes: Lane[] = [];
  let heardAt = -Infinity;
  const count = (): number => {
    const known = Number.isFinite(roundTripMs()) ? roundTripMs() : 0;
    return Math.max(1, Math.min(linkConnections, Math.ceil(known / ROUND_TRIP_OF_ONE_MS)));
  };
  const openLane = (): Lane => {
    const channel = openRpcChannel(channelOptions);
    const lane = { read: channel.client(peerContract).read, reads: 0, channel };
    lanes.push(lane);
    return lane;
  };
  const leastBusy = (): Lane => {
    const wanted = count();
    let least: Lane | undefined;
    for (const lane of lanes.slice(0, wanted))
      if (least === undefined || lane.reads < least.reads) least = lane;
    if (least !== undefined && (least.reads === 0 || lanes.length >= wanted)) return least;
    return openLane();
  };
  return {
    count,
    connect: () => {
      while (lanes.length < count()) openLane();
      for (const { channel } of lanes.slice(0, count())) channel.connect();
    },
    read: async function* (request, context) {
      const lane = leastBusy();
      lane.reads += 1;
      try {
        for await (const chunk of lane.read({ ...request, region: asking }, context)) {
          heardAt = performance.now();
          yield chunk;
        }
      } finally {
        lane.reads -= 1;
      }
    },
    heardAt: () => heardAt,
    close: () => {
      for (const { channel } of lanes) channel.close();
    },
  };
}

interface Lane {
  readonly read: Peer['read'];
  reads: number;
  readonly channel: RpcChannel;
}
