import { expect, it } from 'vitest';
import { bounded } from '#libs/bounded.ts';

it('ends with what it is bound to, for the same reason', () => {
  const whole = new AbortController();
  using part = bounded(whole.signal, 60_000);
  whole.abort(new Error('All of it is given up.'));
  expect(part.signal.reason).toBe(whole.signal.reason);
  expect(part.isLate).toBe(false);
});

it('is over at once where that is', () => {
  using part = bounded(AbortSignal.abort(new Error('It is over.')));
  expect((part.signal.reason as Error).message).toBe('It is over.');
});

it('ends when its time is over, and says so', async () => {
  using part = bounded(new AbortController().signal, 1);
  await expect.poll(() => part.signal.aborted).toBe(true);
  expect(part.isLate).toBe(true);
  expect((part.signal.reason as Error).name).toBe('TimeoutError');
});

it('is not late where something else had ended it before', async () => {
  using part = bounded(undefined, 1);
  part.abort();
  using later = bounded(undefined, 5);
  await expect.poll(() => later.isLate).toBe(true);
  expect(part.isLate).toBe(false);
  expect((part.signal.reason as Error).name).toBe('Error');
});

it('stays as it is once it is disposed of', async () => {
  const whole = new AbortController();
  const part = bounded(whole.signal, 1);
  part[Symbol.dispose]();
  whole.abort();
  using later = bounded(undefined, 5);
  await expect.poll(() => later.isLate).toBe(true);
  expect(part.signal.aborted).toBe(false);
});
