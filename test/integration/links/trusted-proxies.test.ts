import { writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { basic, until } from '#test/support/guarded-cluster.ts';
import { startLoneRegion, type LoneRegion } from '#test/support/lone-region.ts';
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
  const ask = (path: string, headers: Record<string, string>, method = 'GET'): Promise<Answer> =>
    new Promise((resolve, reject) => {
      request(`http://${region.registry}${path}`, { method, headers, localAddress: from, family: 4 })
        .on('response', (response) => {
          buffer(response).then(
            (body) => resolve({ status: response.statusCode ?? 0, headers: response.headers, body }),
            reject,
          );
        })
        .on('error', reject)
        .end();
    });

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
      .poll(journal)
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
