import type { RegionEvent } from '#libs/region-event.ts';
import { openRpcChannel } from '#libs/rpc/client.ts';
import {
  operationsContract,
  peerContract,
  uploadsContract,
  type Operations,
  type Peer,
  type Uploads,
} from '#libs/rpc/contracts.ts';
import type { TlsIdentity } from '#libs/tls/identity.ts';
import { ask } from './ask.ts';
import { openLanes, type Lanes, type ReadFromRegion } from './lanes.ts';

/** Another region of the cluster as its record names it. */
export interface RegionAddress {
  readonly region: string;
  /** `active`, or `draining`: it still serves, but gets nothing new. */
  readonly state: string;
  /** Where its replication service listens for the other regions: `host:port`. */
  readonly endpoint: string;
}

/** Another region, and how to talk to it. */
export interface RemoteRegion extends RegionAddress {
  /** False from the pings that stayed unanswered until one is answered. A region not pinged yet is taken for live. */
  readonly live: boolean;
  /** A running mean; Infinity until the first answer. */
  readonly roundTripMs: number;
  /** Whether it takes the bytes of what it is told of; false until the first answer. */
  readonly takesBytes: boolean;
  readonly peer: RemotePeer;
  /** For reading much: connected from the first answer to a ping on. */
  readonly lanes: Lanes;
  readonly uploads: Uploads;
  readonly operations: Operations;
}

/** The other region's answers to this one: who asks for bytes says where they go. */
export type RemotePeer = Omit<Peer, 'read'> & { readonly read: ReadFromRegion };

export type LivenessEvent = Extract<RegionEvent, { kind: 'region-lost' | 'region-back' }>;

export interface PingedRegion extends RemoteRegion {
  /** Whether the latest ping was answered. */
  readonly answers: boolean;
  /** Measures the round trip and updates `live`; never throws. Gives what changed, if that is worth telling. */
  ping(signal: AbortSignal): Promise<LivenessEvent | undefined>;
  setState(state: string): void;
  /** Ends the connection; calls under way fail. */
  close(): void;
}

export interface RemoteRegionOptions {
  /** This region's name. */
  readonly asking: string;
  readonly tls: TlsIdentity | undefined;
  readonly askTimeoutMs: number;
  readonly pingsUntilLost: number;
  /** The most connections for the bulk of blobs. */
  readonly linkConnections: number;
  /** The catalog this region belongs to; empty while that is unknown. */
  readonly catalogId: () => string;
  /** The region answers, but is not the one its record promises. */
  readonly onFault: (error: unknown) => void;
}

/** How much of a newly measured round trip goes into the mean. */
const NEW_SHARE = 0.3;
/** How the shortest round trip grows with each ping while no other is as short: the way has become longer, this machine's load has not. */
const FORGETTING = 1.02;

/** Opens the connection to a region; the caller closes it. */
export function openRemoteRegion(address: RegionAddress, options: RemoteRegionOptions): PingedRegion {
  const where = { address: address.endpoint, tls: options.tls };
  const channel = openRpcChannel(where);
  const client = channel.client(peerContract);
  const peer: RemotePeer = {
    ...client,
    read: (request, context) => client.read({ ...request, region: options.asking }, context),
  };
  let roundTripMs = Infinity;
  const { linkConnections, asking } = options;
  let shortestMs = Infinity;
  const lanes = openLanes({ ...where, linkConnections, asking, roundTripMs: () => shortestMs });
  let unanswered = 0;
  let live = true;
  let { state } = address;
  let mistaken = false;
  let takesBytes = false;

  const { region } = address;
  const isKnown = (): boolean => Number.isFinite(roundTripMs);
  const answered = (tookMs: number): LivenessEvent | undefined => {
    const known = isKnown();
    const change = known && !live ? ({ kind: 'region-back', region } as const) : undefined;
    roundTripMs = known ? roundTripMs + NEW_SHARE * (tookMs - roundTripMs) : tookMs;
    shortestMs = Math.min(shortestMs * FORGETTING, tookMs);
    unanswered = 0;
    live = true;
    mistaken = false;
    lanes.connect();
    return change;
  };
  // Regions that start together are not lost while they wait for each other.
  const failed = (reason: string): LivenessEvent | undefined => {
    unanswered += 1;
    if (!live || (isKnown() && unanswered < options.pingsUntilLost)) return undefined;
    live = false;
    return isKnown() ? { kind: 'region-lost', region, reason } : undefined;
  };

  return {
    region,
    endpoint: address.endpoint,
    get state() {
      return state;
    },
    get live() {
      return live;
    },
    get answers() {
      return isKnown() && unanswered === 0;
    },
    get roundTripMs() {
      return roundTripMs;
    },
    get takesBytes() {
      return takesBytes;
    },
    peer,
    lanes,
    uploads: channel.client(uploadsContract),
    operations: channel.client(operationsContract),
    ping: async (signal) => {
      try {
        const startedAt = performance.now();
        const limits = { signal, timeoutMs: options.askTimeoutMs };
        const identity = await ask(region, limits, (limited) => peer.ping({}, { signal: limited }));
        ({ takesBytes } = identity);
        const mistake = mistakeIn(address, identity, options.catalogId());
        if (mistake === undefined) return answered(performance.now() - startedAt);
        if (!mistaken) options.onFault(new Error(mistake));
        mistaken = true;
        return failed(mistake);
      } catch (error) {
        return signal.aborted ? undefined : failed(reasonOf(error));
      }
    },
    setState: (next) => {
      state = next;
    },
    close: () => {
      channel.close();
      lanes.close();
    },
  };
}

/** Blobs of another cluster must not get here because of a mistaken address. */
function mistakeIn(
  { region, endpoint }: RegionAddress,
  answering: { region: string; catalogId: string },
  catalogId: string,
): string | undefined {
  const sameCatalog = catalogId === '' || answering.catalogId === '' || answering.catalogId === catalogId;
  if (answering.region === region && sameCatalog) return undefined;
  return (
    `The record of the region ${region} says ${endpoint}, but there answers the region ${answering.region} ` +
    `of the catalog ${answering.catalogId}; this one is ${catalogId}. Correct the record's endpoint.`
  );
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
