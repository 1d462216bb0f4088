import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { createRedisCache } from '#libs/cache/redis.ts';
import { makeCertificates, type RegionCertificates } from '#test/support/certificates.ts';
import { freePorts } from '#test/support/ports.ts';
import { hasRedis, redisLeftOut, startRedis, type RedisProcess } from '#test/support/redis.ts';

const PASSWORD = 'what Redis asks for';
const { signal } = new AbortController();

describe.skipIf(!hasRedis)(`a Redis with a password and TLS${redisLeftOut}`, () => {
  let scratch: string;
  let certificates: RegionCertificates;
  let redis: RedisProcess;
  let url: string;
  beforeAll(async () => {
    scratch = await mkdtemp(join(tmpdir(), 'meridian-redis-login-'));
    certificates = makeCertificates(join(scratch, 'certificates'), ['us']).us;
    const [port = 0] = await freePorts(1);
    url = `rediss://localhost:${port}`;
    redis = await startRedis(optionsWith(PASSWORD));
  });
  afterAll(async () => {
    await redis.kill();
    await rm(scratch, { recursive: true, force: true });
  });

  const optionsWith = (password: string): string[] => {
    const { ca, cert, key } = certificates;
    const tls = ['--tls-port', new URL(url).port, '--tls-auth-clients', 'no'];
    const files = ['--tls-ca-cert-file', ca, '--tls-cert-file', cert, '--tls-key-file', key];
    return ['--requirepass', password, ...tls, ...files];
  };

  /** Whether it answers in the end or, where it never will, why. */
  const asked = async (password: () => string, ca: string | undefined): Promise<string> => {
    const told: string[] = [];
    const cache = createRedisCache({
      ...{ url, password, keyPrefix: 'test:', now: () => performance.now() },
      ca: ca === undefined ? undefined : readFileSync(ca),
      onUnreachable: (error) => told.push(inspect(error)),
    });
    const outcome = await vi.waitFor(
      async () => told[0] ?? (await cache.ping(signal).then(() => 'answers')),
      { timeout: 30_000, interval: 20 },
    );
    await cache.close();
    return outcome;
  };

  it('answers who knows its authority and the password', async () => {
    expect(await asked(() => PASSWORD, certificates.ca)).toBe('answers');
  });

  it('is not believed without its authority', async () => {
    expect(await asked(() => PASSWORD, undefined)).toMatch(/certificate/);
  });

  it('refuses another password, which is in nothing that is told of that', async () => {
    const told = await asked(() => 'not the password', certificates.ca);
    expect(told).toMatch(/WRONGPASS|invalid/);
    expect(told).not.toContain('not the password');
  });

  it('is asked with the password of now when it is connected to anew', async () => {
    let password = PASSWORD;
    const lost = vi.fn();
    const cache = createRedisCache({
      ...{ url, password: () => password, ca: readFileSync(certificates.ca), keyPrefix: 'test:' },
      ...{ onUnreachable: lost, now: () => performance.now() },
    });
    const answers = (): Promise<void> => cache.ping(signal);
    await vi.waitFor(answers, { timeout: 30_000 });
    password = 'another';
    await redis.kill();
    await redis.restart(optionsWith(password));
    await vi.waitFor(answers, { timeout: 30_000 });
    await cache.close();
  });
});
