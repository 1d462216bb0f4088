import { describe, expect, it } from 'vitest';
import {
  createRangeWindow,
  createRangeWindows,
  type Way,
} from '#services/replication/transfer/range-window.ts';

const WAY: Way = { connections: 4, roundTripMs: 100 };
const IN_TIME_MS = 110;
const LATE_MS = 1_000;

describe('the ranges under way to keep a link busy', () => {
  it('are one for each connection at first, and more while they begin in time, up to a limit', () => {
    const window = createRangeWindow(() => WAY);
    expect(window.size().awaited).toBe(WAY.connections);
    window.begun(IN_TIME_MS);
    expect(window.size().awaited).toBe(WAY.connections + 1);
    for (let i = 0; i < 100; i++) window.begun(IN_TIME_MS);
    const { awaited, underWay } = window.size();
    expect(awaited).toBeGreaterThan(WAY.connections + 1);
    expect(awaited).toBeLessThan(underWay);
  });

  it('are fewer where they begin late, but never so few that one is not asked for while another comes', () => {
    const window = createRangeWindow(() => WAY);
    window.begun(LATE_MS);
    expect(window.size().awaited).toBe(WAY.connections - 1);
    for (let i = 0; i < 100; i++) window.begun(LATE_MS);
    expect(window.size().awaited).toBe(2);
    // Neither in time nor late.
    window.begun(1.5 * IN_TIME_MS);
    expect(window.size().awaited).toBe(2);
  });

  it('are as many for the next blob of the same region, and for another as its way is worth', () => {
    const ways: Record<string, Way> = { us: WAY, eu: { connections: 9, roundTripMs: 200 } };
    const windowOf = createRangeWindows((region) => ways[region] ?? WAY);
    windowOf('us').begun(IN_TIME_MS);
    expect(windowOf('us').size().awaited).toBe(5);
    expect(windowOf('eu').size().awaited).toBe(9);
  });
});
