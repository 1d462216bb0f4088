import type { Presence } from './presence.ts';
import type { OtherRegions } from './regions.ts';
import type { OnUsed } from './used.ts';

/** What decides where a call goes. */
export interface Whereabouts {
  /** Of the own region's services. */
  readonly storage: Presence;
  readonly replication: Presence;
  readonly regions: OtherRegions;
  readonly onUsed: OnUsed;
}

/**
 * Whether new content goes to this region. What its storage gets while replication is away no other region could copy, and no push could
 * hold in as many regions as it must.
 */
export function writesHere({ storage, replication }: Whereabouts): boolean {
  return storage.answers && replication.answers;
}
