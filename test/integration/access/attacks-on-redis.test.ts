import { createHash, randomBytes } from 'node:crypto';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { REGIONS } from '#test/support/cluster.ts';
import {
  addUser,
  basic,
  everywhere,
  startGuardedCluster,
  type GuardedCluster,
  type Headers,
} from '#test/support/guarded-cluster.ts';
import { hasRedis, redisLeftOut, startRedis, type RedisProcess } from '#test/support/redis.ts';
import { pushBlob, send, type Answer } from '#test/support/registry-client.ts';

/*
 * Whoever has Redis: writes into it, empties it, or brings back what it held. Fails where a right, a content or a credential is kept there, or
 * where what was counted is believed when it comes back as less.
 */

const blob = randomBytes(5_000);
const digest = `sha256:${createHash('sha256').update(blob).digest('hex')}`;
const PATH = `/v2/team/app/blobs/${digest}`;

describe.skipIf(!hasRedis)(`an attacker who has Redis${redisLeftOut}`, () => {
  let redis: RedisProcess;
  let attacker: Redis;
  let cluster: GuardedCluster;
  let alice: Headers;
  let eve: Headers;
  beforeAll(async () => {
    redis = await startRedis();
    attacker = new Redis(redis.url);
    cluster = await startGuardedCluster(['--redis', redis.url]);
    alice = await addUser(cluster, 'alice', { repositories: 'team/**' });
    eve = await addUser(cluster, 'eve', { repositories: 'eve/**' });
    await pushBlob(cluster.registry('us'), 'team/app', digest, blob, { ...alice });
    // Guesses make counts, and pulls whatever else may be kept.
    for (let i = 0; i < 7; i++) await get('us', '/v2/', basic('alice', `guess number ${i}`));
    for (const region of REGIONS) expect((await get(region, PATH, alice)).status).toBe(200);
  }, 180_000);
  afterAll(async () => {
    attacker.disconnect();
    await cluster.dispose();
    await redis.kill();
  });

  function get(region: string, path: string, headers: Headers): Promise<Answer> {
    return send(cluster.registry(region), 'GET', path, { headers });
  }

  async function keys(): Promise<string[]> {
    return (await attacker.keys('*')).sort();
  }

  async function requireNothingChanged(): Promise<void> {
    for (const region of REGIONS) {
      expect((await get(region, PATH, alice)).body.equals(blob)).toBe(true);
      expect((await get(region, PATH, eve)).status).toBe(404);
      expect((await get(region, PATH, {})).status).toBe(401);
      expect((await get(region, '/meridian/v1/status', eve)).status).toBe(403);
    }
  }

  it('finds no right, no name’s secret and no content there', async () => {
    expect(await keys()).not.toEqual([]);
    const [name = '', secret = ''] = Buffer.from((alice['authorization'] ?? '').slice(6), 'base64')
      .toString()
      .split(':');
    expect(name).toBe('alice');
    const hidden = [
      secret,
      createHash('sha256').update(secret).digest('hex'),
      'guess number',
      'scrypt$',
      'developer',
      '"kty"',
    ];
    for (const key of await keys()) {
      expect(key).toMatch(/^meridian\/(?:us|eu|ap)\//);
      const held = `${key} ${await attacker.get(key).catch(() => '')}`;
      for (const text of [...hidden, blob.toString('latin1', 0, 16)]) expect(held).not.toContain(text);
    }
  });

  it('gains nothing by poisoning what is there, and what might be', async () => {
    for (const poison of ['0', '-1', '{"allowed":true,"role":"administrator"}', '9'.repeat(30), '']) {
      for (const key of await keys()) await attacker.set(key, poison, 'KEEPTTL');
      for (const region of REGIONS)
        for (const key of [
          `access/${PATH}`,
          `token/eve`,
          `auth/principal/eve`,
          `manifest/team/app:latest`,
          `count/login-delay/name/eve`,
        ])
          for (const prefix of [`meridian/${region}/`, '']) await attacker.set(prefix + key, poison);
      await requireNothingChanged();
    }
    for (const key of await keys()) {
      await attacker.del(key);
      await attacker.lpush(key, 'a list where a number was');
    }
    await requireNothingChanged();
  });

  it('ends no delay of guesses by emptying it', async () => {
    const guess = async (i: number): Promise<number> =>
      (await get('us', '/v2/', basic('alice', `another guess ${i}`))).status;
    await expect.poll(() => guess(0), { timeout: 30_000, interval: 20 }).toBe(429);
    await attacker.flushall();
    expect(await guess(1)).toBe(429);
    await requireNothingChanged();
  });

  it('brings no right back by bringing back what was there before it was taken', async () => {
    const carol = await addUser(cluster, 'carol', { repositories: 'team/**' });
    for (const region of REGIONS) expect((await get(region, PATH, carol)).status).toBe(200);
    const before = await Promise.all(
      (await keys()).map(async (key) => [key, await attacker.dumpBuffer(key)] as const),
    );
    await cluster.change('DELETE', '/users/carol');
    await everywhere(
      cluster,
      async (registry) => (await send(registry, 'GET', PATH, { headers: { ...carol } })).status === 401,
    );
    await attacker.flushall();
    for (const [key, value] of before)
      if (Buffer.isBuffer(value)) await attacker.restore(key, 0, value, 'REPLACE');
    for (const region of REGIONS) expect((await get(region, PATH, carol)).status).toBe(401);
    await requireNothingChanged();
  });

  it('keeps nobody out by having it hang', async () => {
    await redis.pause();
    await requireNothingChanged();
    const dave = await addUser(cluster, 'dave', { repositories: 'dave/**' });
    expect((await get('eu', PATH, dave)).status).toBe(404);
    await redis.resume();
    await requireNothingChanged();
  });
});
