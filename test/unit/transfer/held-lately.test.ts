import { expect, it } from 'vitest';
import { rememberHeld } from '#services/replication/transfer/held-lately.ts';

const blobs = ['a', 'b', 'c'].map((digest) => ({ digest }));

it('leaves out what was held a moment ago, until something may have been lost', () => {
  const held = rememberHeld();
  held.note(blobs.slice(0, 2));
  expect([...held.except(blobs)]).toEqual([{ digest: 'c' }]);
  held.forget();
  expect([...held.except(blobs)]).toEqual(blobs);
});
