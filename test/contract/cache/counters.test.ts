import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { Redis } from 'ioredis';
import type { SharedCache } from '#libs/cache/leases.ts';
import { createMemoryCache } from '#libs/cache/memory.ts';
import { createRedisCache } from '#libs/cache/redis.ts';
import { hasRedis, redisLeftOut, startRedis, type RedisProcess } from '#test/support/redis.ts';

const WINDOW_MS = 60_000;
const now = (): number => performance.now();
const { signal } = new AbortController();

let redis: RedisProcess;
const onRedis = (): SharedCache =>
  createRedisCache({ url: redis.url, keyPrefix: 'test:', onUnreachable: () => undefined, now });
async function connected(): Promise<SharedCache> {
  const cache = onRedis();
  await vi.waitFor(() => cache.ping(signal), { timeout: 20_000 });
  return cache;
}

const memory = createMemoryCache(now);
const implementations = [
  { name: 'in memory', open: async () => [memory, memory] as const, absent: false },
  {
    name: `on Redis${redisLeftOut}`,
    open: async () => [await connected(), await connected()] as const,
    absent: !hasRedis,
  },
];

beforeAll(async () => {
  if (hasRedis) redis = await startRedis();
}, 60_000);
afterAll(() => (hasRedis ? redis.kill() : undefined));

for (const { name, open, absent } of implementations) {
  describe.skipIf(absent)(`counts ${name}`, () => {
    let caches: readonly SharedCache[] = [];
    beforeAll(async () => {
      caches = await open();
    });
    afterAll(() => Promise.all(caches.map((cache) => cache.close())));

    it('are shared, begin with what is added, and are read by adding nothing', async () => {
      const key = randomUUID();
      const [one = memory, other = memory] = caches;
      expect(await one.add(key, 0, WINDOW_MS, signal)).toMatchObject({ count: 0 });
      expect(await one.add(key, 2, WINDOW_MS, signal)).toMatchObject({ count: 2 });
      expect(await other.add(key, 1, WINDOW_MS, signal)).toMatchObject({ count: 3 });
      const { count, endsInMs } = await one.add(key, 0, WINDOW_MS, signal);
      expect(count).toBe(3);
      expect(endsInMs).toBeGreaterThan(0);
      expect(endsInMs).toBeLessThanOrEqual(WINDOW_MS);
    });

    it('begin anew after their time', async () => {
      const key = randomUUID();
      const [one = memory] = caches;
      await one.add(key, 5, 20, signal);
      await vi.waitFor(async () => expect(await one.add(key, 0, 20, signal)).toMatchObject({ count: 0 }));
      expect(await one.add(key, 1, WINDOW_MS, signal)).toMatchObject({ count: 1 });
    });
  });
}

describe.skipIf(!hasRedis)(`whoever empties Redis, or writes into it, gains nothing${redisLeftOut}`, () => {
  it('what a process counted itself stands', async () => {
    const cache = await connected();
    const attacker = new Redis(redis.url);
    const key = randomUUID();
    await cache.add(key, 7, WINDOW_MS, signal);
    await attacker.flushall();
    expect(await cache.add(key, 1, WINDOW_MS, signal)).toMatchObject({ count: 8 });
    for (const poison of ['-1000', '0', 'no number', '1e9', '99999999999999999999999']) {
      await attacker.set(`test:count/${key}`, poison);
      expect((await cache.add(key, 0, WINDOW_MS, signal)).count).toBeGreaterThanOrEqual(8);
      expect((await cache.add(key, 0, WINDOW_MS, signal)).endsInMs).toBeLessThanOrEqual(WINDOW_MS);
    }
    await attacker.del(`test:count/${key}`);
    await attacker.lpush(`test:count/${key}`, 'a list');
    expect(await cache.add(key, 1, WINDOW_MS, signal)).toMatchObject({ count: 9 });
    attacker.disconnect();
    await cache.close();
  });

  it('without Redis each process counts for itself', async () => {
    const cache = createRedisCache({
      url: 'redis://127.0.0.1:1',
      keyPrefix: '',
      onUnreachable: () => undefined,
      now,
    });
    expect(await cache.add('key', 1, WINDOW_MS, signal)).toMatchObject({ count: 1 });
    expect(await cache.add('key', 1, WINDOW_MS, signal)).toMatchObject({ count: 2 });
    await cache.close();
  });
});
