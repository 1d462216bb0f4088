import { describe, expect, it } from 'vitest';
import { seededRandom } from '#test/support/seeded-random.ts';
import { rankTest } from '../../../benchmarks/measure/rank-test.ts';

describe('the test of ranks', () => {
  it('gives what a textbook does, equal ones sharing their ranks', () => {
    // All pairs by hand: of 9, the first is greater in 1, and equal in 2.
    expect(rankTest([1, 2, 3], [2, 3, 4])).toMatchObject({ greater: (1 + 0.5 + 0.5) / 9 });
    expect(rankTest([1, 2, 3], [4, 5, 6])).toMatchObject({
      greater: 0,
      z: expect.closeTo(-1.964, 3) as number,
    });
    expect(rankTest([5, 5], [5, 5])).toEqual({ greater: 0.5, z: 0 });
  });

  it('sees a small difference among outliers, and none where there is none', () => {
    const random = seededRandom(1);
    const times = (more: number): number[] =>
      Array.from({ length: 1000 }, () => more + random() + (random() < 0.05 ? 100 * random() : 0));
    expect(Math.abs(rankTest(times(0), times(0)).z)).toBeLessThan(4);
    expect(rankTest(times(0.1), times(0)).z).toBeGreaterThan(4);
  });
});
