import { beforeEach, expect, it } from 'vitest';
import { KeptOpen } from '#libs/kept-open.ts';

/** Boxes on a shelf, each with a number of its own. */
let shelf: Map<string, number>;
let open: number[];
let kept: KeptOpen<string, number>;

beforeEach(() => {
  shelf = new Map([['box', 1]]);
  open = [];
  kept = new KeptOpen<string, number>({
    open: async (name) => {
      const box = shelf.get(name);
      if (box !== undefined) open.push(box);
      return box;
    },
    isStill: async (name, box) => shelf.get(name) === box,
    close: async (box) => {
      expect(open).toContain(box);
      open.splice(open.indexOf(box), 1);
    },
  });
});

it('opens once for many, and closes a moment after the last has left', async () => {
  const lent = await Promise.all(Array.from({ length: 5 }, () => kept.open('box')));
  expect(lent.map((one) => one?.value)).toEqual([1, 1, 1, 1, 1]);
  expect(open).toEqual([1]);
  for (const one of lent) await one?.close();
  expect(open).toEqual([1]);
  const again = await kept.open('box');
  expect(open).toEqual([1]);
  await again?.close();
  await expect.poll(() => open, { timeout: 10_000 }).toEqual([]);
});

it('gives nothing for what is not there, and looks again the next time', async () => {
  expect(await kept.open('other')).toBeUndefined();
  shelf.set('other', 7);
  expect((await kept.open('other'))?.value).toBe(7);
});

it('gives what lies there now, while who has the one before goes on with it', async () => {
  const before = await kept.open('box');
  shelf.set('box', 2);
  const now = await kept.open('box');
  expect([before?.value, now?.value]).toEqual([1, 2]);
  expect(open).toEqual([1, 2]);
  await before?.close();
  expect(open).toEqual([2]);
  await now?.close();
});

it('gives nothing of what is not there any more, and closes it', async () => {
  await (await kept.open('box'))?.close();
  shelf.delete('box');
  expect(await kept.open('box')).toBeUndefined();
  expect(open).toEqual([]);
});

it('closes at once what is to be forgotten and nobody uses', async () => {
  await (await kept.open('box'))?.close();
  await kept.forget('box');
  expect(open).toEqual([]);
});

it('closes all that nobody uses, and the rest with its last use', async () => {
  shelf.set('other', 2);
  await (await kept.open('box'))?.close();
  const other = await kept.open('other');
  await kept.close();
  expect(open).toEqual([2]);
  await other?.close();
  expect(open).toEqual([]);
});

it('tries again after it could not be opened', async () => {
  let isBroken = true;
  const fragile = new KeptOpen<string, number>({
    open: async () => {
      if (isBroken) throw new Error('It is stuck.');
      return 3;
    },
    isStill: async () => true,
    close: async () => undefined,
  });
  await expect(fragile.open('box')).rejects.toThrow('stuck');
  isBroken = false;
  expect((await fragile.open('box'))?.value).toBe(3);
});
