import type { Drain } from '#types/meridian/v1/Drain.ts';

/** How far a region is with leaving, as JSON shows it. */
export function shownDrain({ state, startedAt, finishedAt, failure, ...drain }: Drain): object {
  return {
    ...drain,
    state,
    ...(startedAt > 0 && { startedAt: new Date(startedAt).toISOString() }),
    ...(finishedAt > 0 && { finishedAt: new Date(finishedAt).toISOString() }),
    ...(failure !== '' && { failure }),
  };
}
