import type { RegionReach } from '../catalog/collaborators.ts';
import type { RemoteRegion } from '../peers/remote-region.ts';
import type { Way } from './range-window.ts';

/** 0 where the round trip is not known yet: Infinity is no figure to show. */
export function reach({ region, live, roundTripMs }: RemoteRegion): RegionReach {
  return { region, live, roundTripMs: Number.isFinite(roundTripMs) ? roundTripMs : 0 };
}

/** What a range is asked for over. */
export function wayTo(remote: RemoteRegion | undefined): Way {
  if (remote === undefined) return { connections: 1, roundTripMs: 0 };
  const { roundTripMs } = reach(remote);
  return { connections: remote.lanes.count(), roundTripMs };
}
