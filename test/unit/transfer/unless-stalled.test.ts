import { describe, expect, it } from 'vitest';
import { unlessStalled } from '#services/replication/peers/unless-stalled.ts';

const limits = {
  signal: new AbortController().signal,
  firstTimeoutMs: 200,
  stallTimeoutMs: 200,
};

const untilAborted = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)));

describe('a stream from another region', () => {
  it('is given up, and closed, when nothing comes any more', async () => {
    let closed = false;
    const stream = unlessStalled('eu', limits, async function* (signal) {
      try {
        yield { data: Buffer.from('a') };
        await untilAborted(signal);
      } finally {
        closed = true;
      }
    });
    expect((await stream.next()).value).toEqual(Buffer.from('a'));
    await expect(stream.next()).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      message: expect.stringContaining('The region eu sent nothing for 200 ms') as string,
    });
    expect(closed).toBe(true);
  });

  it('is not given up for a pause of this process', async () => {
    const stream = unlessStalled('eu', limits, async function* () {
      // Comes at once, but can't be taken before the process has paused for longer than the limit.
      await new Promise((resolve) => setImmediate(resolve));
      yield { data: Buffer.from('a') };
    });
    const first = stream.next();
    const until = performance.now() + 400;
    while (performance.now() < until);
    expect((await first).value).toEqual(Buffer.from('a'));
    await stream.return();
  });

  it('is not given up for a slow reader', async () => {
    const stream = unlessStalled('eu', { ...limits, stallTimeoutMs: 40 }, async function* () {
      yield { data: Buffer.from('a') };
      yield { data: Buffer.from('b') };
    });
    await stream.next();
    await new Promise((resolve) => setTimeout(resolve, 120));
    expect((await stream.next()).value).toEqual(Buffer.from('b'));
  });

  it('is waited for while the region is heard on other streams, but not for ever', async () => {
    let heard = 0;
    const heardAt = (): number => {
      heard += 1;
      return performance.now();
    };
    const stream = unlessStalled('eu', { ...limits, firstTimeoutMs: 40, heardAt }, async function* (signal) {
      yield await untilAborted(signal);
    });
    await expect(stream.next()).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    expect(heard).toBe(3);
  });
});
