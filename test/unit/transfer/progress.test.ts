import { expect, it } from 'vitest';
import { createRecentRate } from '#libs/recent-rate.ts';
import { secondsLeft } from '#services/replication/transfer/seconds-left.ts';

it('tells the mean of the last half minute', () => {
  let now = 0;
  const progress = createRecentRate(() => now);
  expect(progress.bytesPerSecond()).toBe(0);
  for (let second = 0; second <= 20; second++) {
    now = second * 1000;
    progress.add(1_000_000);
  }
  expect(progress.bytesPerSecond()).toBeCloseTo(1_050_000, -3);
  now = 40_000;
  expect(progress.bytesPerSecond()).toBeLessThan(400_000);
  now = 60_000;
  expect(progress.bytesPerSecond()).toBe(0);
});

it('takes no burst for a rate', () => {
  const progress = createRecentRate(() => 5_000);
  for (let i = 0; i < 1000; i++) progress.add(1000);
  expect(progress.bytesPerSecond()).toBe(1_000_000);
});

it('tells how long the rest will take, where that can be said', () => {
  expect(secondsLeft(1_000_000, 400_000)).toBe(3);
  expect(secondsLeft(1, 400_000)).toBe(1);
  expect(secondsLeft(0, 400_000)).toBe(0);
  expect(secondsLeft(1_000_000, 0)).toBe(0);
});
