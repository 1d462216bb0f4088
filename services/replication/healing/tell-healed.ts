import { LRUCache } from 'lru-cache';
import type { OnRegionEvent, RegionEvent } from '#libs/region-event.ts';

/** Damaged blobs remembered, to tell when they are held again. */
const MAX_DAMAGED = 10_000;
/** Copies remembered, for word of the damage that they have made good. */
const MAX_COPIES = 1_000;

type Replica = Extract<RegionEvent, { kind: 'replica' }>;

/**
 * The same events, and one more for each damaged blob that is held again. A client that waits for the blob may have it back before the
 * storage's word of the damage comes. `nowMs`: milliseconds since 1970, as the storage counts them.
 */
export function tellHealed(onEvent: OnRegionEvent, nowMs: () => number): OnRegionEvent {
  const damaged = new Set<string>();
  const copies = new LRUCache<string, { readonly replica: Replica; readonly atMs: number }>({
    max: MAX_COPIES,
  });
  const tell = ({ digest, size, from }: Replica): void => onEvent({ kind: 'healed', digest, size, from });
  return (event) => {
    onEvent(event);
    if (event.kind === 'replica') {
      if (damaged.delete(event.digest)) tell(event);
      else copies.set(event.digest, { replica: event, atMs: nowMs() });
    }
    if (event.kind !== 'damaged') return;
    const copy = copies.get(event.digest);
    if (copy !== undefined && copy.atMs >= event.atMs) tell(copy.replica);
    else if (damaged.size < MAX_DAMAGED) damaged.add(event.digest);
  };
}
