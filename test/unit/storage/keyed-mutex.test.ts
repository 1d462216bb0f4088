import { setImmediate as turn } from 'node:timers/promises';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { KeyedMutex } from '#services/storage/keyed-mutex.ts';

const key = fc.constantFrom('a', 'b', 'c', 'd');

it('never lets two holders share a key, and never leaves anyone waiting', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.array(key, { maxLength: 4 }), { maxLength: 20 }), async (holders) => {
      const mutex = new KeyedMutex();
      const held = new Set<string>();
      const run = (keys: string[]): Promise<void> =>
        mutex.run(keys, async () => {
          const own = new Set(keys);
          expect(held.isDisjointFrom(own)).toBe(true);
          for (const one of own) held.add(one);
          await turn();
          for (const one of own) held.delete(one);
        });
      await Promise.all(holders.map(run));
      await Promise.all(['a', 'b', 'c', 'd'].map((one) => mutex.idle(one)));
      expect(held.size).toBe(0);
    }),
    { numRuns: 50 },
  );
});

it('goes on after work that fails', async () => {
  const mutex = new KeyedMutex();
  await expect(mutex.run(['a'], () => Promise.reject(new Error('failed')))).rejects.toThrow('failed');
  expect(await mutex.run(['a'], () => Promise.resolve('next'))).toBe('next');
});
