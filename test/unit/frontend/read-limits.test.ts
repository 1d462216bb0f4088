import { describe, expect, it } from 'vitest';
import { openPiece } from '#services/frontend/content/piece.ts';
import { createReadBudget } from '#services/frontend/content/read-budget.ts';
import { createTurns } from '#services/frontend/content/turns.ts';

const never = new AbortController().signal;

describe('the budget of reading', () => {
  const limits = { mostBytes: 256, leastBytes: 16 };

  it('lends much while little is lent, less and less then, and the least for ever', () => {
    const budget = createReadBudget(4096);
    const lent = Array.from({ length: 1000 }, () => budget.lend(limits, 0));
    expect(lent[0]).toBe(256);
    expect(lent).toEqual(lent.toSorted((a, b) => b - a));
    expect(lent.at(-1)).toBe(16);
    expect(lent.reduce((sum, bytes) => sum + bytes, 0)).toBeLessThan(4096 + 1000 * 16);
    for (const bytes of lent) budget.giveBack(bytes);
    expect(budget.lend(limits, 0)).toBe(256);
  });

  it('lends the least to a client that was slow', () => {
    expect(createReadBudget(4096).lend(limits, 10_000)).toBe(16);
  });
});

describe('turns', () => {
  it('are few at a time, first come, first served', async () => {
    const turns = createTurns({ max: 1, maxMs: 60_000 });
    const end = await turns.take(never);
    const order: string[] = [];
    const waiting = ['first', 'second'].map(async (name) => {
      const endMine = await turns.take(never);
      order.push(name);
      endMine();
      endMine();
    });
    expect(order).toEqual([]);
    end();
    await Promise.all(waiting);
    expect(order).toEqual(['first', 'second']);
  });

  it('do not go to who has given up', async () => {
    const turns = createTurns({ max: 1, maxMs: 60_000 });
    const end = await turns.take(never);
    const leaving = new AbortController();
    const left = turns.take(leaving.signal);
    const next = turns.take(never);
    leaving.abort(new Error('gone'));
    await expect(left).rejects.toThrow('gone');
    end();
    (await next)();
  });

  it('no longer count when they last too long', async () => {
    const turns = createTurns({ max: 1, maxMs: 1 });
    await turns.take(never);
    (await turns.take(never))();
  });
});

describe('a piece', () => {
  async function* chunks(sizes: number[], onEnd: () => void): AsyncGenerator<{ data: Buffer }> {
    try {
      for (const size of sizes) yield { data: Buffer.alloc(size) };
    } finally {
      onEnd();
    }
  }

  it('has ended its call when its last bytes are given', async () => {
    let ended = false;
    const piece = openPiece(
      chunks([3, 2], () => (ended = true)),
      { offset: 0, length: 5 },
    );
    expect(await piece.next()).toHaveLength(3);
    expect(ended).toBe(false);
    expect(await piece.next()).toHaveLength(2);
    expect(ended).toBe(true);
  });

  it.each([
    ['fewer', [3]],
    ['more', [3, 3]],
    ['more after that', [3, 2, 1]],
  ])('fails where %s bytes come', async (_what, sizes) => {
    const piece = openPiece(
      chunks(sizes, () => undefined),
      { offset: 0, length: 5 },
    );
    const all = async (): Promise<void> => {
      for (let received = 0; received < 5;) received += (await piece.next()).length;
    };
    await expect(all()).rejects.toThrow(/expected 5/);
    await piece.close();
  });
});
