import { setInterval } from 'node:timers/promises';
import type { Auth, Catalog, Peer, Uploads } from '#libs/rpc/contracts.ts';
import type { Presence } from './presence.ts';

/** Another region, as its replication service serves it to other regions: what lies there. */
export interface OtherRegion {
  readonly region: string;
  /** False where it said at its last ping that it is leaving the cluster. */
  readonly takesContent: boolean;
  readonly peer: Peer;
  readonly uploads: Uploads;
  readonly catalog: Catalog;
  readonly auth: Auth;
}

/** Another region, and what is known of it. */
export interface KnownRegion extends OtherRegion {
  readonly presence: Presence;
  /** Measures the round trip, and hears whether it takes content. */
  ping(signal: AbortSignal): Promise<void>;
  /** Of the last ping that was answered; Infinity before the first. */
  readonly roundTripMs: number;
}

/** The other regions that this front end was told of. */
export interface OtherRegions {
  /** Those that answer, nearest first. */
  nearestFirst(): readonly OtherRegion[];
  find(region: string): OtherRegion | undefined;
}

/** Pings each of the regions every `pingEveryMs` until `signal` aborts, so that the nearest is known before it is needed. */
export function followRegions(
  regions: readonly KnownRegion[],
  { pingEveryMs, signal }: { pingEveryMs: number; signal: AbortSignal },
): OtherRegions {
  const ping = (region: KnownRegion): void => void region.ping(signal).catch(() => undefined);
  const pingAll = async (): Promise<void> => {
    regions.forEach(ping);
    for await (const _ of setInterval(pingEveryMs, undefined, { signal, ref: false })) regions.forEach(ping);
  };
  pingAll().catch(() => undefined);
  return {
    nearestFirst: () =>
      regions
        .filter(({ presence }) => presence.answers)
        .sort((a, b) => a.roundTripMs - b.roundTripMs || (a.region < b.region ? -1 : 1)),
    find: (name) => regions.find(({ region }) => region === name),
  };
}
