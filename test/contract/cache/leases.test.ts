import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { SharedCache } from '#libs/cache/leases.ts';
import { createMemoryCache } from '#libs/cache/memory.ts';
import { createRedisCache } from '#libs/cache/redis.ts';
import { hasRedis, redisLeftOut, startRedis, type RedisProcess } from '#test/support/redis.ts';

const LONG_MS = 60_000;
const now = (): number => performance.now();
const { signal } = new AbortController();

interface Subject {
  /** Two processes of one region, sharing. */
  readonly caches: readonly [SharedCache, SharedCache];
  close(): Promise<void>;
}

async function inMemory(): Promise<Subject> {
  const cache = createMemoryCache(() => performance.now());
  return { caches: [cache, cache], close: () => cache.close() };
}

async function onRedis(): Promise<Subject> {
  const redis = await startRedis();
  const connect = (): SharedCache =>
    createRedisCache({ url: redis.url, keyPrefix: 'test:', onUnreachable: () => undefined, now });
  const caches = [connect(), connect()] as const;
  await Promise.all(caches.map(answers));
  return {
    caches,
    close: async () => {
      await Promise.all(caches.map((cache) => cache.close()));
      await redis.kill();
    },
  };
}

async function answers(cache: SharedCache): Promise<void> {
  await vi.waitFor(() => cache.ping(signal), { timeout: 20_000 });
}

const implementations = [
  { name: 'in memory', make: inMemory, absent: false },
  { name: `on Redis${redisLeftOut}`, make: onRedis, absent: !hasRedis },
];

for (const { name, make, absent } of implementations) {
  describe.skipIf(absent)(`leases ${name}`, () => {
    let subject: Subject;
    let [one, other]: SharedCache[] = [];
    beforeAll(async () => {
      subject = await make();
      [one, other] = subject.caches;
    });
    afterAll(() => subject.close());
    const acquire = async (cache: SharedCache | undefined, key: string, ttlMs = LONG_MS) =>
      cache?.tryAcquire(key, ttlMs, signal);

    it('have one holder at a time, and another after it gave them back', async () => {
      const release = await acquire(one, 'blob');
      expect(release).toBeDefined();
      expect(await acquire(other, 'blob')).toBeUndefined();
      expect(await acquire(one, 'blob')).toBeUndefined();
      await release?.();
      expect(await acquire(other, 'blob')).toBeDefined();
    });

    it('of different keys are apart', async () => {
      expect(await acquire(one, 'a')).toBeDefined();
      expect(await acquire(other, 'b')).toBeDefined();
    });

    it('end by themselves', async () => {
      await acquire(one, 'short', 50);
      await expect.poll(() => acquire(other, 'short'), { timeout: 10_000 }).toBeDefined();
    });

    it('that have ended cannot take away the next holder’s', async () => {
      const late = await acquire(one, 'late', 50);
      await expect.poll(() => acquire(other, 'late'), { timeout: 10_000 }).toBeDefined();
      await late?.();
      expect(await acquire(one, 'late')).toBeUndefined();
    });

    it('go to one of many who ask at once', async () => {
      const asked = Array.from({ length: 20 }, (_, i) => acquire(i % 2 === 0 ? one : other, 'storm'));
      expect((await Promise.all(asked)).filter((release) => release !== undefined)).toHaveLength(1);
    });

    it('are not asked for in vain', async () => {
      const given = AbortSignal.abort(new Error('nobody waits'));
      await expect(one?.tryAcquire('x', LONG_MS, given)).rejects.toThrow('nobody waits');
    });
  });
}

describe.skipIf(!hasRedis)(`losing Redis loses nothing${redisLeftOut}`, () => {
  const lost: Error[] = [];
  let redis: RedisProcess;
  let cache: SharedCache;
  beforeAll(async () => {
    redis = await startRedis();
    cache = createRedisCache({
      url: redis.url,
      keyPrefix: '',
      onUnreachable: (error) => lost.push(error),
      now,
    });
    await answers(cache);
  });
  afterAll(async () => {
    await cache.close();
    await redis.kill();
  });

  async function expectSoftFailure(): Promise<void> {
    const startedAt = performance.now();
    const leases = await Promise.all(['k', 'k', 'k'].map((key) => cache.tryAcquire(key, LONG_MS, signal)));
    for (const release of leases) {
      expect(release).toBeDefined();
      await release?.();
    }
    await expect(cache.ping(signal)).rejects.toThrow(/^Redis at 127\.0\.0\.1:\d+ does not answer\.$/);
    expect(performance.now() - startedAt).toBeLessThan(5_000);
  }

  it('when it hangs: work goes on after a short wait, as if each had the lease', async () => {
    await redis.pause();
    await expectSoftFailure();
    await redis.resume();
    await answers(cache);
  });

  it('when it is gone: work goes on, and it is used again once it is back', async () => {
    await redis.kill();
    await expectSoftFailure();
    await expect.poll(() => lost.length, { timeout: 10_000 }).toBe(1);
    await redis.restart();
    await answers(cache);
    expect(await cache.tryAcquire('again', LONG_MS, signal)).toBeDefined();
    expect(await cache.tryAcquire('again', LONG_MS, signal)).toBeUndefined();
  });
});
