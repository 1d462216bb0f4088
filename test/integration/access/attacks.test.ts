import { createHash, randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { REGIONS } from '#test/support/cluster.ts';
import {
  addUser,
  basic,
  startGuardedCluster,
  until,
  type GuardedCluster,
  type Headers,
} from '#test/support/guarded-cluster.ts';
import { pushBlob, send, type Answer } from '#test/support/registry-client.ts';

/*
 * Attacks on registries that are known, against a running cluster. Those by forged tokens are in test/unit/auth/token-attacks.test.ts, those
 * that need a state of identities that no one could write in test/contract/frontend/auth.
 */

let cluster: GuardedCluster;
let alice: Headers;
let bob: Headers;
const blob = randomBytes(2000);
const digest = `sha256:${createHash('sha256').update(blob).digest('hex')}`;

beforeAll(async () => {
  cluster = await startGuardedCluster();
  alice = await developer('alice', 'team/**');
  bob = await developer('bob', 'team/**');
  await pushBlob(cluster.registry('us'), 'team/app', digest, blob, { ...alice });
}, 120_000);
afterAll(() => cluster.dispose());

function developer(name: string, repositories: string): Promise<Headers> {
  return addUser(cluster, name, { repositories });
}

function get(region: string, path: string, headers: Headers): Promise<Answer> {
  return send(cluster.registry(region), 'GET', path, { headers });
}

it('a cached answer brings no access back after it was revoked (CVE-2026-35172)', async () => {
  const carol = await developer('carol', 'team/app');
  const path = `/v2/team/app/blobs/${digest}`;
  for (const region of REGIONS)
    for (let i = 0; i < 3; i++) expect((await get(region, path, carol)).status).toBe(200);
  const { bindings } = JSON.parse((await cluster.change('GET', '/bindings')).body.toString()) as {
    bindings: { id: string; subject: string }[];
  };
  const { id = '' } = bindings.find(({ subject }) => subject === 'user:carol') ?? {};
  await cluster.change('DELETE', `/bindings/${id}`);
  expect((await get('us', path, carol)).status).toBe(404);
  for (const region of REGIONS) {
    await until(async () => (await get(region, path, carol)).status === 404);
    // Others' pulls fill the caches again, and that helps nobody else.
    for (let i = 0; i < 5; i++) {
      expect((await get(region, path, alice)).status).toBe(200);
      expect((await get(region, path, carol)).status).toBe(404);
    }
  }
});

it('an upload session of another is unknown, through every region (CVE-2026-32589)', async () => {
  const opened = await send(cluster.registry('us'), 'POST', '/v2/team/app/blobs/uploads/', {
    headers: alice,
  });
  const location = opened.headers.location ?? '';
  for (const region of REGIONS) {
    for (const [method, path] of [
      ['PATCH', location],
      ['PUT', `${location}?digest=${digest}`],
      ['DELETE', location],
    ] as const) {
      const answer = await send(cluster.registry(region), method, path, { headers: bob, body: blob });
      expect([region, method, answer.status]).toEqual([region, method, 404]);
    }
    expect((await get(region, location, bob)).status).toBe(404);
    expect((await get(region, location, alice)).headers.range).toBe('0-0');
  }
  const ended = await send(cluster.registry('ap'), 'PUT', `${location}?digest=${digest}`, {
    headers: alice,
    body: blob,
  });
  expect(ended.status).toBe(201);
});

it('no mount copies a blob that the asker can’t read (GHSA-55r9-5mx9-qq7r)', async () => {
  const eve = await developer('eve', 'eve/**');
  for (const region of REGIONS) {
    for (const from of ['&from=team/app', '&from=team%2Fapp', '']) {
      const path = `/v2/eve/app/blobs/uploads/?mount=${digest}${from}`;
      expect((await send(cluster.registry(region), 'POST', path, { headers: eve })).status).toBe(202);
    }
    expect((await get(region, `/v2/eve/app/blobs/${digest}`, eve)).status).toBe(404);
  }
});

it('a list asked for without measure is a page like any other (CVE-2023-2253)', async () => {
  for (const n of ['999999999', '99999999999999999999', '1e9', '-1', '0x7fffffff']) {
    const answer = await get('us', `/v2/_catalog?n=${n}`, alice);
    expect([200, 400], n).toContain(answer.status);
    expect(answer.body.length).toBeLessThan(10_000);
  }
});

it('no spelling of a name leads into another repository', async () => {
  for (const name of [
    'team/../secret',
    'team%2f..%2fsecret',
    'team/%2e%2e/secret',
    'secret%00team',
    'team//app',
    'TEAM/app',
    'team/app%0a',
    'team%252fapp',
  ]) {
    for (const headers of [alice, {}]) {
      const answer = await get('us', `/v2/${name}/blobs/${digest}`, headers);
      expect([400, 401, 404], name).toContain(answer.status);
    }
  }
  // Encoded once it is the same name, for the decision and for what is read.
  expect((await get('us', `/v2/team%2Fapp/blobs/${digest}`, alice)).status).toBe(200);
  expect((await get('us', `/v2/team%2Fapp/blobs/${digest}`, {})).status).toBe(401);
});

it('headers that proxies set let nobody in, and of two logins none counts', async () => {
  const path = `/v2/team/app/blobs/${digest}`;
  for (const headers of [
    {
      'x-forwarded-user': 'admin',
      'x-remote-user': 'admin',
      'x-forwarded-for': '127.0.0.1',
      forwarded: 'for=127.0.0.1',
    },
    { 'x-original-url': '/healthz', 'x-rewrite-url': '/healthz', 'x-http-method-override': 'GET' },
    { host: 'localhost', 'x-forwarded-host': 'localhost' },
    { cookie: 'token=admin', 'x-meridian-user': 'admin' },
  ])
    expect((await get('us', path, headers as unknown as Headers)).status).toBe(401);
  const twice = [alice['authorization'], bob['authorization']] as unknown as string;
  expect((await get('us', path, { authorization: twice })).status).toBe(401);
});

// Fails where an address is believed that a header gives: each guess would then be someone else's.
it('guessing a password is made slow, whatever address headers give (CVE-2025-25200 and kin), and keeps nobody out who has a login', async () => {
  await cluster.change('PATCH', '/users/bob', { password: 'the right one of bob' });
  const guess = (i: number): Promise<Answer> =>
    get('us', '/v2/', {
      ...basic('bob', `guess number ${i}`),
      ...{ 'x-forwarded-for': `10.0.0.${i}`, 'x-real-ip': `10.0.1.${i}`, forwarded: `for=10.0.2.${i}` },
      ...{ 'cf-connecting-ip': `10.0.3.${i}`, 'true-client-ip': `10.0.4.${i}`, 'x-client-ip': `10.0.5.${i}` },
    });
  let last: Answer | undefined;
  for (let i = 0; i < 12 && last?.status !== 429; i++) last = await guess(i);
  expect(last?.status).toBe(429);
  expect(Number(last?.headers['retry-after'])).toBeGreaterThan(0);
  // The right password waits as well: else it could be guessed by that.
  expect((await get('us', '/v2/', basic('bob', 'the right one of bob'))).status).toBe(429);
  expect((await get('us', '/v2/', bob)).status).toBe(200);
  // A name that is nobody's is counted alike.
  for (let i = 0; i < 12 && last?.status !== 401; i++)
    last = await get('us', '/v2/', basic('nobody', `guess number ${i}`));
  for (let i = 0; i < 12 && last?.status !== 429; i++)
    last = await get('us', '/v2/', basic('nobody', `guess number ${i}`));
  expect(last?.status).toBe(429);
});

it('a narrowed token makes none that may more', async () => {
  const grants = [{ actions: ['see', 'pull'], repositories: 'team/**' }];
  const { secret } = JSON.parse(
    (await cluster.change('POST', '/tokens', { owner: 'alice', grants })).body.toString(),
  ) as {
    secret: string;
  };
  const narrow = basic('alice', secret);
  const ask = (method: string, path: string, body: object): Promise<Answer> =>
    send(cluster.registry('us'), method, `/meridian/v1/auth${path}`, {
      headers: narrow,
      body: JSON.stringify(body),
    });
  expect((await ask('POST', '/tokens', {})).status).toBe(403);
  expect(
    (await ask('PUT', '/self/password', { password: 'x', newPassword: 'another password' })).status,
  ).toBe(403);
  expect((await ask('POST', '/tokens', { owner: 'admin' })).status).toBe(403);
  const { status } = await send(cluster.registry('us'), 'POST', '/v2/team/app/blobs/uploads/', {
    headers: narrow,
  });
  expect(status).toBe(403);
});
