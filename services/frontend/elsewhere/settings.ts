import type { PresenceLimits } from './presence.ts';

/** Every limit and time of turning to other regions. */
export interface ElsewhereSettings {
  readonly presence: PresenceLimits;
  readonly pingEveryMs: number;
}

export const defaultElsewhereSettings: ElsewhereSettings = {
  presence: { suspectAfterMs: 2_000, probeTimeoutMs: 5_000, leastPauseMs: 100, mostPauseMs: 1_000 },
  pingEveryMs: 5_000,
};
