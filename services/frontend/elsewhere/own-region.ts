import type { Presence } from './presence.ts';
import type { OtherRegion, OtherRegions } from './regions.ts';
import type { OnUsed } from './used.ts';

/** What decides where a call goes. */
export interface Whereabouts {
  /** The own one's name. */
  readonly region: string;
  /** Of the own region's services. */
  readonly storage: Presence;
  readonly replication: Presence;
  readonly regions: OtherRegions;
  readonly onUsed: OnUsed;
  /** Where the manifest of a request was put, which is known by its signal: there it must be pushed, whatever comes back or goes away meanwhile. */
  readonly putAt: WeakMap<AbortSignal, OtherRegion | 'here'>;
}

/**
 * Whether new content goes to this region. What its storage gets while replication is away no other region could copy, and no push could
 * hold in as many regions as it must.
 */
export function writesHere({ storage, replication }: Whereabouts): boolean {
  return storage.answers && replication.answers;
}
