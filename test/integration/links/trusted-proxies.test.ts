import { writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { askFrom } from '#test/support/ask-from.ts';
import { basic, until } from '#test/support/guarded-cluster.ts';
import { startLoneRegion, type LoneRegion } from '#test/support/lone-region.ts';
import { nginx, startNginx } from '#test/support/nginx.ts';
import type { Answer } from '#test/support/registry-client.ts';

const PASSWORD = 'the administrator of the tests';
const ADMIN = basic('admin', PASSWORD);
/** Both are this machine; one of them is trusted. */
const PROXY = '127.0.0.9';
const STRANGER = '127.0.0.2';
const REQUESTS = 4;

describe.each([
  ['the proxy', PROXY, 'is believed'],
  ['anyone else', STRANGER, 'is not believed'],
])('X-Forwarded headers: %s', (_who, from, outcome) => {
  const isBelieved = outcome === 'is believed';
  let scratch: string;
  let region: LoneRegion;
  const ask = (path: string, headers: Record<string, string>): Promise<Answer> =>
    askFrom(from, region.registry, path, headers);

  beforeAll(async () => {
    scratch = await mkdtemp(join(tmpdir(), 'meridian-proxies-'));
    writeFileSync(join(scratch, 'password'), PASSWORD);
    region = await startLoneRegion(scratch, {
      MERIDIAN_AUTH: 'on',
      MERIDIAN_ADMIN_PASSWORD_FILE: join(scratch, 'password'),
      MERIDIAN_TRUSTED_PROXIES: `192.0.2.0/24, ${PROXY}`,
      MERIDIAN_MAX_ANONYMOUS_REQUESTS_PER_MINUTE: String(REQUESTS),
    });
    await until(async () => (await ask('/v2/', ADMIN)).status === 200);
  });
  afterAll(async () => {
    await region.stop();
    await rm(scratch, { recursive: true, force: true });
  });

  it(`${outcome} about the address, in the journal`, async () => {
    const headers = { ...basic('mallory', 'wrong'), 'x-forwarded-for': '10.9.9.9, 198.51.100.7, 192.0.2.1' };
    expect((await ask('/v2/', headers)).status).toBe(401);
    const journal = async (): Promise<unknown> =>
      JSON.parse((await ask('/meridian/v1/audit?who=mallory', ADMIN)).body.toString());
    await expect
      .poll(journal, { timeout: 30_000 })
      .toMatchObject({ entries: [{ who: 'mallory', from: isBelieved ? '198.51.100.7' : STRANGER }] });
  });

  it(`${outcome} about scheme and host, when clients are told where to log in`, async () => {
    const headers = {
      'x-forwarded-proto': 'https',
      'x-forwarded-host': 'public.test',
      'x-forwarded-for': '198.51.100.99',
    };
    const answer = await ask('/meridian/v1/status', headers);
    const challenge = String(answer.headers['www-authenticate']);
    const called = isBelieved ? 'https://public.test' : `http://${region.registry}`;
    expect(challenge).toContain(`realm="${called}/meridian/v1/token"`);
  });

  it(`${outcome} about the address, when requests and failed logins are counted`, async () => {
    const statuses = async (start: string): Promise<number[]> => {
      const answers: number[] = [];
      for (let i = 1; i <= REQUESTS + 1; i++)
        answers.push((await ask('/v2/', { 'x-forwarded-for': `${start}.${i}` })).status);
      return answers;
    };
    const asked = await statuses('198.51.100');
    expect(asked.includes(429)).toBe(!isBelieved);
  });
});

it.skipIf(!nginx.usable)(
  `nginx with the profile of deploy/ tells who asks it, and how${nginx.leftOut}`,
  async () => {
    const scratch = await mkdtemp(join(tmpdir(), 'meridian-proxies-'));
    writeFileSync(join(scratch, 'password'), PASSWORD);
    const region = await startLoneRegion(scratch, {
      MERIDIAN_AUTH: 'on',
      MERIDIAN_ADMIN_PASSWORD_FILE: join(scratch, 'password'),
      MERIDIAN_TRUSTED_PROXIES: '127.0.0.1',
    });
    const storageDir = join(scratch, 'us', 'storage');
    const proxy = await startNginx({
      ...{ frontend: region.registry, storageDir, seenDir: storageDir, scratch: join(scratch, 'nginx') },
    });
    try {
      const ask = (path: string, headers: Record<string, string>): Promise<Answer> =>
        askFrom(STRANGER, proxy.registry, path, headers);
      await until(async () => (await ask('/v2/', ADMIN)).status === 200);
      const lies = {
        'x-forwarded-for': '198.51.100.7',
        'x-forwarded-proto': 'https',
        'x-forwarded-host': 'lies.test',
      };
      const answer = await ask('/meridian/v1/status', { ...basic('mallory', 'wrong'), ...lies });
      expect(String(answer.headers['www-authenticate'])).toContain(
        `realm="http://${proxy.registry}/meridian/v1/token"`,
      );
      const journal = async (): Promise<unknown> =>
        JSON.parse((await ask('/meridian/v1/audit?who=mallory', ADMIN)).body.toString());
      await expect.poll(journal, { timeout: 30_000 }).toMatchObject({ entries: [{ from: STRANGER }] });
    } finally {
      await proxy.stop();
      await region.stop();
      await rm(scratch, { recursive: true, force: true });
    }
  },
  180_000,
);
