import { describe, expect, it } from 'vitest';
import { createTurns, type Priority, type Turn, type Turns } from '#services/replication/transfer/turns.ts';

const neverAborts = new AbortController().signal;

/** Takes turns and notes in which order they begin. */
function noting(turns: Turns): { order: string[]; take: (name: string, priority: Priority) => Turn } {
  const order: string[] = [];
  const take = (name: string, priority: Priority): Turn => {
    const turn = turns.take(priority, neverAborts);
    turn.begun.then(
      () => order.push(name),
      () => order.push(`${name} was given up`),
    );
    return turn;
  };
  return { order, take };
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('turns of copies', () => {
  it('are given to clients first, then to manifests, configs and layers, and to each kind in order', async () => {
    const { order, take } = noting(createTurns({ maxCopies: 1, maxBackgroundCopies: 1, maxQueuedCopies: 9 }));
    const running = take('running', 'layer');
    const waiting = (['layer', 'config', 'layer', 'manifest', 'client'] as const).map((kind, i) =>
      take(`${kind} ${i}`, kind),
    );
    for (const turn of [running, waiting[4], waiting[3], waiting[1], waiting[0]]) {
      await settled();
      turn?.end();
    }
    await settled();
    expect(order).toEqual(['running', 'client 4', 'manifest 3', 'config 1', 'layer 0', 'layer 2']);
  });

  it('keep places that only clients get', async () => {
    const { order, take } = noting(createTurns({ maxCopies: 3, maxBackgroundCopies: 2, maxQueuedCopies: 9 }));
    for (const name of ['a', 'b', 'c']) take(name, 'manifest');
    await settled();
    expect(order).toEqual(['a', 'b']);
    take('d', 'client');
    await settled();
    expect(order).toEqual(['a', 'b', 'd']);
  });

  it('come sooner when a client asks for the same', async () => {
    const { order, take } = noting(createTurns({ maxCopies: 2, maxBackgroundCopies: 1, maxQueuedCopies: 9 }));
    take('a', 'layer');
    take('b', 'layer');
    const c = take('c', 'layer');
    c.raise('client');
    c.raise('manifest');
    await settled();
    expect(order).toEqual(['a', 'c']);
    expect(c.isUrgent()).toBe(true);
  });

  it('are refused when too many wait', () => {
    const { take } = noting(createTurns({ maxCopies: 1, maxBackgroundCopies: 1, maxQueuedCopies: 1 }));
    take('a', 'layer');
    take('b', 'layer');
    expect(() => take('c', 'client')).toThrow(expect.objectContaining({ code: 'UNAVAILABLE' }));
  });

  it('leave the queue when they are given up', async () => {
    const turns = createTurns({ maxCopies: 1, maxBackgroundCopies: 1, maxQueuedCopies: 1 });
    const { order, take } = noting(turns);
    const a = take('a', 'layer');
    const abort = new AbortController();
    const gone = turns.take('client', abort.signal);
    abort.abort(new Error('gone'));
    await expect(gone.begun).rejects.toThrow('gone');
    take('b', 'layer');
    a.end();
    a.end();
    await settled();
    expect(order).toEqual(['a', 'b']);
  });
});
