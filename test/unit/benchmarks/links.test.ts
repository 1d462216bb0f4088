import { describe, expect, it } from 'vitest';
import { Link } from '#test/faults/support/links.ts';
import { bytesPerMs, linkState } from '../../../benchmarks/wan/profile.ts';

const OPEN = { delayMs: 50, bytesPerSecond: 1_000_000, windowBytes: 1, flow: 'open' } as const;

describe('a link', () => {
  it('delivers late, and no faster than its rate, whichever connection the bytes are of', () => {
    const link = new Link(OPEN);
    expect(link.take(10_000, 0)).toBe(60);
    expect(link.take(10_000, 0)).toBe(70);
    expect(link.take(0, 5)).toBe(70);
    expect(link.take(1_000, 100)).toBe(151);
  });

  it('has no rate unless it is given one', () => {
    expect(new Link({ ...OPEN, bytesPerSecond: Infinity }).take(1e9, 7)).toBe(57);
  });

  it('of a profile delays each way by half a round trip and has room for all that is under way', () => {
    const profile = { roundTripMs: 250, megabits: 1_000 };
    const { delayMs = 0, bytesPerSecond, windowBytes = 0 } = linkState(profile);
    expect(delayMs).toBe(125);
    expect(bytesPerSecond).toBe(125_000_000);
    expect(windowBytes).toBeGreaterThan(delayMs * bytesPerMs(profile));
  });
});
