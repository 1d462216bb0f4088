import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { OCI_INDEX } from '#libs/oci/mediatype.ts';
import {
  addUser,
  basic,
  startGuardedCluster,
  until,
  type GuardedCluster,
  type Headers,
} from '#test/support/guarded-cluster.ts';
import { send, type Answer } from '#test/support/registry-client.ts';

/*
 * Everything that is parsed has a cap, and what is beyond it is refused in the spec's shape, soon, and by a process that goes on. What is slow, or
 * stalls, is in test/contract/frontend/slow-clients.test.ts.
 */

const LIMIT = 150;
const KIB = 1024;
const PATCH = '/meridian/v1/repositories/team/app/settings';
const TOKEN = '/meridian/v1/token';

let cluster: GuardedCluster;
let alice: Headers;

beforeAll(async () => {
  cluster = await startGuardedCluster([], {
    MERIDIAN_MAX_REQUESTS_PER_MINUTE: String(LIMIT),
    MERIDIAN_MAX_ANONYMOUS_REQUESTS_PER_MINUTE: String(LIMIT),
  });
  alice = await addUser(cluster, 'alice', { role: 'maintainer', repositories: 'team/**' });
}, 120_000);
afterAll(() => cluster.dispose());

type Case = readonly [
  what: string,
  status: number,
  code: string,
  method: string,
  path: string,
  headers: Headers,
  body?: string,
];

function ask([, , , method, path, headers, body]: Case): Promise<Answer> {
  return send(cluster.registry('us'), method, path, {
    headers: { ...headers },
    ...(body !== undefined && { body }),
  });
}

function deep(levels: number): string {
  return `${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`;
}

/** Sent with credentials that may do it, so that nothing but the cap refuses it. */
function cases(): readonly Case[] {
  const manifest = { ...alice, 'content-type': OCI_INDEX };
  const [put, users] = ['/v2/team/app/manifests/x', '/meridian/v1/auth/users/x'];
  const child = { mediaType: OCI_INDEX, digest: `sha256:${'0'.repeat(64)}`, size: 1 };
  const children = (count: number): string =>
    JSON.stringify({
      schemaVersion: 2,
      mediaType: OCI_INDEX,
      manifests: Array.from({ length: count }, () => child),
    });
  const annotated = (annotations: string): string =>
    `{"schemaVersion":2,"mediaType":"${OCI_INDEX}","manifests":[],"annotations":${annotations}}`;
  const scopes = (count: number): string => `?${'scope=repository:a:pull&'.repeat(count)}`;
  return [
    ['a long header', 431, 'REQUEST_INVALID', 'GET', '/v2/', { ...alice, x: 'y'.repeat(17 * KIB) }],
    ['a long path', 431, 'REQUEST_INVALID', 'GET', `/v2/${'a/'.repeat(9 * KIB)}tags/list`, alice],
    ['a long name', 400, 'NAME_INVALID', 'GET', `/v2/${'a'.repeat(256)}/tags/list`, alice],
    ['a long token', 401, 'UNAUTHORIZED', 'GET', '/v2/', { authorization: `Bearer ${'a'.repeat(9 * KIB)}` }],
    ['a long password', 401, 'UNAUTHORIZED', 'GET', '/v2/', basic('alice', 'x'.repeat(2 * KIB))],
    ['many scopes', 413, 'TOO_LARGE', 'GET', `${TOKEN}${scopes(51)}`, alice],
    ['scopes joined by spaces', 413, 'TOO_LARGE', 'GET', `${TOKEN}?scope=${'a:b:c%20'.repeat(51)}`, alice],
    ['a long form', 413, 'TOO_LARGE', 'POST', TOKEN, {}, `grant_type=password&x=${'y'.repeat(17 * KIB)}`],
    ['a form of many scopes', 413, 'TOO_LARGE', 'POST', TOKEN, {}, scopes(51).slice(1)],
    ['a deep manifest', 400, 'MANIFEST_INVALID', 'PUT', put, manifest, annotated(deep(40))],
    ['a very deep manifest', 400, 'MANIFEST_INVALID', 'PUT', put, manifest, '['.repeat(1_000_000)],
    [
      'a manifest of many pieces',
      413,
      'TOO_LARGE',
      'PUT',
      put,
      manifest,
      annotated(`[${'{},'.repeat(210_000)}{}]`),
    ],
    ['a manifest that names much', 413, 'TOO_LARGE', 'PUT', put, manifest, children(4_001)],
    ['a large manifest', 413, 'TOO_LARGE', 'PUT', put, manifest, ' '.repeat(4 * KIB * KIB + 1)],
    ['large settings', 413, 'TOO_LARGE', 'PATCH', PATCH, alice, ' '.repeat(65 * KIB)],
    ['deep settings', 400, 'REQUEST_INVALID', 'PATCH', PATCH, alice, `{"placements":${deep(10_000)}}`],
    ['a large account', 413, 'TOO_LARGE', 'PUT', users, cluster.admin, ' '.repeat(33 * KIB)],
    ['a deep account', 400, 'REQUEST_INVALID', 'PUT', users, cluster.admin, `{"groups":${deep(5_000)}}`],
    [
      'many groups',
      400,
      'REQUEST_INVALID',
      'PUT',
      users,
      cluster.admin,
      `{"groups":[${'"g",'.repeat(200)}"g"]}`,
    ],
    [
      'a long new password',
      400,
      'REQUEST_INVALID',
      'PUT',
      users,
      cluster.admin,
      `{"password":"${'x'.repeat(2 * KIB)}"}`,
    ],
    ['a page without measure', 400, 'PAGINATION_NUMBER_INVALID', 'GET', '/v2/team/app/tags/list?n=-1', alice],
  ];
}

describe('what is beyond a cap', () => {
  it('is refused, in the spec’s shape, and what comes next is answered', async () => {
    for (const one of cases()) {
      const [what, status, code] = one;
      const answer = await ask(one);
      const text = answer.body.toString();
      expect([what, answer.status, text.slice(0, 300)]).toEqual([
        what,
        status,
        expect.stringContaining(code),
      ]);
      expect(text.length, what).toBeLessThan(2 * KIB);
      expect((await send(cluster.registry('us'), 'GET', '/healthz')).status).toBe(200);
    }
  });

  it('in requests: 429 says when to come back, and every answer before how many are left', async () => {
    const path = '/v2/team/app/tags/list';
    for (const headers of [alice, {}]) {
      let last: Answer | undefined;
      for (let i = 0; i <= LIMIT && last?.status !== 429; i++) {
        last = await send(cluster.registry('eu'), 'GET', path, { headers: { ...headers } });
        expect(last.headers['ratelimit-limit']).toBe(`${LIMIT};w=60`);
        expect(last.headers['ratelimit-remaining']).toMatch(/^\d+;w=60$/);
      }
      expect(last?.status).toBe(429);
      expect(last?.headers['ratelimit-remaining']).toBe('0;w=60');
      expect(Number(last?.headers['retry-after'])).toBeGreaterThan(0);
      expect(last?.body.toString()).toContain('TOOMANYREQUESTS');
    }
    // Somebody else is not kept out, nor who asks whether it lives.
    const bob = await addUser(cluster, 'bob', { repositories: 'team/**' });
    expect((await send(cluster.registry('eu'), 'GET', '/v2/', { headers: { ...bob } })).status).toBe(200);
    expect((await send(cluster.registry('eu'), 'GET', '/healthz')).status).toBe(200);
    await until(
      async () =>
        (await send(cluster.registry('us'), 'GET', '/v2/', { headers: { ...alice } })).status === 200,
    );
  });
});
