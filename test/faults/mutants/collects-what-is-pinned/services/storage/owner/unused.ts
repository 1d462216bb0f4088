import { openUnusedBlobs as heedingPins, type UnusedBlobs } from '#services/storage/owner/unused.ts';

/** To a clock so far ahead, every pin is over. */
const AHEAD_MS = 1e12;

/** Takes all that is pinned for unused. */
export function openUnusedBlobs(...all: Parameters<typeof heedingPins>): UnusedBlobs {
  const unused = heedingPins(...all);
  return {
    ...unused,
    note: (blobs, now, graceMs) => unused.note(blobs, now + AHEAD_MS, graceMs),
    due: (page, now, graceMs) => unused.due(page, now + AHEAD_MS, graceMs),
    find: (digest) => (unused.find(digest) === undefined ? undefined : { unusedSince: 0, condemnedAt: 0 }),
  };
}
