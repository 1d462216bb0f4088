import type { LinkState } from '#test/faults/support/links.ts';

/** What the way between two regions is like. */
export interface LinkProfile {
  readonly roundTripMs: number;
  readonly megabits: number;
}

export const PROFILES: readonly LinkProfile[] = [
  { roundTripMs: 20, megabits: 1_000 },
  { roundTripMs: 100, megabits: 200 },
  { roundTripMs: 250, megabits: 1_000 },
];

export const QUICK_PROFILES: readonly LinkProfile[] = [{ roundTripMs: 100, megabits: 500 }];

export function profileText({ roundTripMs, megabits }: LinkProfile): string {
  return `${roundTripMs} ms, ${megabits} Mbit/s`;
}

export function bytesPerMs({ megabits }: LinkProfile): number {
  return (megabits * 1e6) / 8 / 1_000;
}

/** As the delaying proxies have it; windows are large enough never to be what limits. */
export function linkState(profile: LinkProfile): Partial<LinkState> {
  const { roundTripMs } = profile;
  return {
    delayMs: roundTripMs / 2,
    bytesPerSecond: bytesPerMs(profile) * 1_000,
    windowBytes: Math.max(4_000_000, 2 * roundTripMs * bytesPerMs(profile)),
  };
}
