import { expect, it } from 'vitest';
import { BriefCalls, IN_OTHER_THREADS } from '#libs/files/calls.ts';

/** Calls under a clock of the test's own: each takes as long as it is told. */
function underClock() {
  const clock = { ms: 0 };
  const calls = new BriefCalls(() => clock.ms);
  const make = (tookMs: number): Promise<'here' | 'elsewhere'> =>
    calls.make(
      () => {
        clock.ms += tookMs;
        return 'here';
      },
      () => Promise.resolve('elsewhere'),
    );
  return { clock, make };
}

it('makes brief calls here, however many there are', async () => {
  const { make } = underClock();
  for (let i = 0; i < 10_000; i++) expect(await make(0.05)).toBe('here');
});

it('makes calls elsewhere once they have held this thread up, and here again when that is long ago', async () => {
  const { clock, make } = underClock();
  let here = 0;
  while ((await make(5)) === 'here') here += 1;
  expect(here).toBe(5);
  expect(await make(0)).toBe('elsewhere');
  clock.ms += 500;
  expect(await make(5)).toBe('here');
});

it('lets slow calls hold this thread up for a small part of the time only', async () => {
  const { clock, make } = underClock();
  let heldUpMs = 0;
  while (clock.ms < 100_000) {
    if ((await make(2)) === 'here') heldUpMs += 2;
    clock.ms += 1;
  }
  expect(heldUpMs).toBeGreaterThan(1_000);
  expect(heldUpMs).toBeLessThan(2_100);
});

it('rejects with what a call throws, wherever it is made', async () => {
  const fail = (): never => {
    throw new Error('as told');
  };
  const failing = (): Promise<never> => Promise.reject(new Error('as told'));
  await expect(new BriefCalls().make(fail, failing)).rejects.toThrow('as told');
  await expect(IN_OTHER_THREADS.make(fail, failing)).rejects.toThrow('as told');
});

it('counts the time of calls that fail', async () => {
  const clock = { ms: 0 };
  const calls = new BriefCalls(() => clock.ms);
  const slowFailure = (): never => {
    clock.ms += 50;
    throw new Error('as told');
  };
  await expect(calls.make(slowFailure, () => Promise.resolve())).rejects.toThrow('as told');
  expect(
    await calls.make(
      () => 'here',
      () => Promise.resolve('elsewhere'),
    ),
  ).toBe('elsewhere');
});
