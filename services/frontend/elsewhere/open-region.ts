import type { ConfiguredRegion } from '#libs/config/regions.ts';
import type { RpcChannel } from '#libs/rpc/client.ts';
import { authContract, catalogContract, peerContract, uploadsContract } from '#libs/rpc/contracts.ts';
import { Unanswered } from '#libs/rpc/errors.ts';
import type { PeerIdentity } from '#types/meridian/v1/PeerIdentity.ts';
import { guarded } from './guarded.ts';
import { createPresence, type PresenceLimits } from './presence.ts';
import type { KnownRegion } from './regions.ts';

export interface OpenRegionOptions {
  readonly channel: RpcChannel;
  readonly limits: PresenceLimits;
  /** The catalog of the own region; empty while that is unknown. */
  readonly catalogId: () => string;
  readonly onAway: (who: string, why: Unanswered) => void;
  readonly onBack: (who: string) => void;
  readonly signal: AbortSignal;
}

/** Talks to another region's replication over a channel that stays the caller's to close. */
export function openRegion(
  { name: region, endpoint }: ConfiguredRegion,
  { channel, limits, catalogId, onAway, onBack, signal: stopping }: OpenRegionOptions,
): KnownRegion {
  const peer = channel.client(peerContract);
  let roundTripMs = Infinity;
  let takesContent = true;
  /** Bytes and tags of another cluster must not get here because of a mistaken address. */
  const check = (identity: PeerIdentity): void => {
    const own = catalogId();
    const isSame = own === '' || identity.catalogId === '' || identity.catalogId === own;
    if (identity.region === region && isSame) {
      takesContent = identity.state === 'active' || identity.state === '';
      return;
    }
    throw new Unanswered(
      `At ${endpoint}, which was named for the region ${region}, answers the region ${identity.region} of the catalog ${identity.catalogId}.`,
    );
  };
  const probe = async (signal: AbortSignal): Promise<void> => check(await peer.ping({}, { signal }));
  const presence = createPresence({
    ...{ probe, limits, signal: stopping },
    onAway: (why) => onAway(`the region ${region}`, why),
    onBack: () => onBack(`the region ${region}`),
  });
  return {
    region,
    presence,
    get takesContent() {
      return takesContent;
    },
    get roundTripMs() {
      return roundTripMs;
    },
    ping: async (signal) => {
      const startedAt = performance.now();
      await presence.call(probe, signal);
      roundTripMs = performance.now() - startedAt;
    },
    peer: guarded(peerContract, peer, presence),
    uploads: guarded(uploadsContract, channel.client(uploadsContract), presence),
    auth: guarded(authContract, channel.client(authContract), presence),
    catalog: guarded(catalogContract, channel.client(catalogContract), presence),
  };
}
