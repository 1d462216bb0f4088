import type { ScrubRound } from '#types/meridian/v1/ScrubRound.ts';
import type { ScrubRounds } from '#types/meridian/v1/ScrubRounds.ts';

/** What a region finds as it re-hashes what it holds, all the time. `unrepairable`: blobs that it misses and no region that answers has. */
export function shownScrub(rounds: ScrubRounds | null, unrepairable: number): object | null {
  if (rounds === null) return null;
  const { last, current, ...others } = rounds;
  return { ...others, last: shownRound(last), current: shownRound(current), unrepairable };
}

function shownRound(round: ScrubRound | null): object | null {
  if (round === null) return null;
  const { begunAt, endedAt, ...counts } = round;
  return {
    begunAt: new Date(begunAt).toISOString(),
    ...(endedAt > 0 && { endedAt: new Date(endedAt).toISOString() }),
    ...counts,
  };
}
