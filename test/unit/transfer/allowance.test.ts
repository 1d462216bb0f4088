import { describe, expect, it } from 'vitest';
import { createAllowance } from '#services/replication/transfer/allowance.ts';

describe('an allowance', () => {
  it('lets so much through on the average, whatever is asked for at a time', () => {
    const clock = { ms: 0 };
    const allowance = createAllowance(100, () => clock.ms);
    let taken = 0;
    while (clock.ms < 60_000) {
      clock.ms += allowance.waitMs(0);
      expect(allowance.waitMs(0)).toBe(0);
      const bytes = 1 + ((taken * 7_919) % 50_000);
      allowance.take(bytes);
      taken += bytes;
    }
    expect(taken / clock.ms).toBeGreaterThan(95);
    expect(taken / clock.ms).toBeLessThan(105);
  });

  it('keeps little of what was not used', () => {
    const clock = { ms: 0 };
    const allowance = createAllowance(100, () => clock.ms);
    clock.ms = 3_600_000;
    allowance.take(20_000);
    expect(allowance.waitMs(0)).toBe(101);
  });

  it('may be overdrawn by those who may, who make the others wait', () => {
    const clock = { ms: 0 };
    const allowance = createAllowance(100, () => clock.ms);
    allowance.take(60_000);
    expect(allowance.waitMs(100_000)).toBe(0);
    expect(allowance.waitMs(0)).toBe(501);
    allowance.take(60_000);
    expect(allowance.waitMs(100_000)).toBe(101);
    clock.ms += 101;
    expect(allowance.waitMs(100_000)).toBe(0);
  });
});
