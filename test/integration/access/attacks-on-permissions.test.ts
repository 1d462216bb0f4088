import { createHash, randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { OCI_CONFIG, OCI_MANIFEST } from '#libs/oci/mediatype.ts';
import { REGIONS, type RegionName } from '#test/support/cluster.ts';
import {
  addUser,
  everywhere,
  startGuardedCluster,
  type GuardedCluster,
  type Headers,
} from '#test/support/guarded-cluster.ts';
import { pushBlob, send, type Answer, type Sent } from '#test/support/registry-client.ts';

/*
 * Ways around what a role, a group, a token's narrowing or the operator's word gives. Deletion is turned off in this cluster.
 */

let cluster: GuardedCluster;
let dev: Headers;
const config = randomBytes(40);
const configDigest = digestOf(config);

beforeAll(async () => {
  cluster = await startGuardedCluster([], { MERIDIAN_DELETE: 'off' });
  dev = await addUser(cluster, 'dev', { repositories: 'team/**' });
  await pushBlob(cluster.registry('us'), 'team/app', configDigest, config, { ...dev });
}, 120_000);
afterAll(() => cluster.dispose());

function digestOf(bytes: Buffer): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

/** An image that is another one for each salt. */
function image(salt: string): Buffer {
  const descriptor = { mediaType: OCI_CONFIG, digest: configDigest, size: config.length };
  const rest = { config: descriptor, layers: [], annotations: { salt } };
  return Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: OCI_MANIFEST, ...rest }));
}

function ask(
  region: RegionName,
  method: string,
  path: string,
  headers: Headers,
  sent: Sent = {},
): Promise<Answer> {
  return send(cluster.registry(region), method, path, { ...sent, headers: { ...headers, ...sent.headers } });
}

function put(
  region: RegionName,
  reference: string,
  body: Buffer,
  headers: Headers,
  more = {},
): Promise<Answer> {
  const sent = { headers: { 'content-type': OCI_MANIFEST, ...more }, body };
  return ask(region, 'PUT', `/v2/team/app/manifests/${reference}`, headers, sent);
}

async function tokenOf(headers: Headers, region: RegionName, query: string): Promise<Record<string, string>> {
  const answer = await ask(region, 'GET', `/meridian/v1/token?service=meridian&${query}`, headers);
  return JSON.parse(answer.body.toString()) as Record<string, string>;
}

// Fails where a push is only looked at before it commits, or where one of the forms is not asked for `retag`.
it('who may make a tag does not move one by it, whichever way it is put (CVE-2026-31801)', async () => {
  const first = image('first');
  expect((await put('us', 'v1', first, dev)).status).toBe(201);
  const scope = 'scope=repository:team/app:pull,push';
  for (const region of REGIONS) {
    const other = image(`other-${region}`);
    const { token = '' } = await tokenOf(dev, region, scope);
    for (const headers of [dev, { authorization: `Bearer ${token}` }]) {
      for (const [reference, more] of [
        ['v1', {}],
        ['%76%31', {}],
        [`${digestOf(other)}?tag=v1`, {}],
        [`${digestOf(other)}?tag=v2-${region}&tag=v1`, {}],
        ['v1', { 'if-match': `"${digestOf(first)}"` }],
        ['v1', { 'if-none-match': '"x"', 'x-http-method-override': 'PATCH' }],
      ] as const)
        expect([403, 400], reference).toContain((await put(region, reference, other, headers, more)).status);
    }
    const kept = await ask(region, 'HEAD', '/v2/team/app/manifests/v1', dev);
    expect(kept.headers['docker-content-digest']).toBe(digestOf(first));
    expect((await ask(region, 'HEAD', `/v2/team/app/manifests/v2-${region}`, dev)).status).toBe(404);
  }
});

it('of several who make the same tag at once, through all regions, one does (CVE-2026-31801)', async () => {
  for (let round = 0; round < 5; round++) {
    const bodies = REGIONS.map((region) => image(`race-${round}-${region}`));
    const answers = await Promise.all(
      REGIONS.map((region, i) => put(region, `race-${round}`, bodies[i] ?? Buffer.alloc(0), dev)),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 403, 403]);
    const winner = bodies[answers.findIndex(({ status }) => status === 201)] ?? Buffer.alloc(0);
    for (const region of REGIONS) {
      const { headers } = await ask(region, 'HEAD', `/v2/team/app/manifests/race-${round}`, dev);
      expect(headers['docker-content-digest']).toBe(digestOf(winner));
    }
  }
});

// Fails where a route of a deletion says by mistake that it deletes no content, or where settings bring retention in by the back door.
it('with deletion turned off nothing goes, on no path, for nobody (CVE-2026-41888)', async () => {
  const body = image('to stay');
  const digest = digestOf(body);
  expect((await put('us', 'stays', body, dev)).status).toBe(201);
  const paths = [
    'manifests/stays',
    'manifests/%73tays',
    `manifests/${digest}`,
    `blobs/${configDigest}`,
  ].flatMap((path) => [`/v2/team/app/${path}`, `/v2/team%2Fapp/${path}`, `/v2/team/app/${path}?force=true`]);
  for (const region of REGIONS) {
    for (const path of paths) {
      const answer = await ask(region, 'DELETE', path, cluster.admin);
      expect([path, answer.status]).toEqual([path, 405]);
      expect(answer.headers.allow).not.toContain('DELETE');
      for (const method of ['POST', 'GET', 'PATCH']) {
        const headers = { 'x-http-method-override': 'DELETE', 'x-method-override': 'DELETE' };
        expect((await ask(region, method, path, cluster.admin, { headers })).status).not.toBe(202);
      }
    }
    const settings = '/meridian/v1/repositories/team/app/settings';
    const patch = JSON.stringify({ untagged: { deleteAfterMs: 1 } });
    expect((await ask(region, 'PATCH', settings, cluster.admin, { body: patch })).status).toBe(403);
    expect((await ask(region, 'GET', `/v2/team/app/manifests/stays`, dev)).body.equals(body)).toBe(true);
    expect((await ask(region, 'HEAD', `/v2/team/app/blobs/${configDigest}`, dev)).status).toBe(200);
  }
  const opened = await ask('us', 'POST', '/v2/team/app/blobs/uploads/', dev);
  expect((await ask('eu', 'DELETE', opened.headers.location ?? '', dev)).status).toBe(204);
});

it('who left a group has no more what it gives, with whatever he holds, in any region (CVE-2025-23208)', async () => {
  await cluster.change('POST', '/bindings', {
    role: 'developer',
    subject: 'group:devs',
    repositories: 'team/**',
  });
  const dave = await addUser(cluster, 'dave', { groups: ['devs'] });
  const query = 'offline_token=true&scope=repository:team/app:pull,push';
  const { token = '', refresh_token: refresh = '' } = await tokenOf(dave, 'eu', query);
  const bearer = { authorization: `Bearer ${token}` };
  const mayPush = async (region: RegionName, headers: Headers): Promise<boolean> =>
    (await ask(region, 'POST', '/v2/team/app/blobs/uploads/', headers)).status === 202;
  const refreshed = async (region: RegionName): Promise<string> => {
    const form = new URLSearchParams({ grant_type: 'refresh_token', refresh_token: refresh });
    form.set('scope', 'repository:team/app:pull,push');
    const answer = await ask(region, 'POST', '/meridian/v1/token', {}, { body: form.toString() });
    return (JSON.parse(answer.body.toString()) as { scope: string }).scope;
  };
  for (const region of REGIONS) {
    expect([await mayPush(region, dave), await mayPush(region, bearer)]).toEqual([true, true]);
    expect(await refreshed(region)).toBe('repository:team/app:pull,push');
  }
  await cluster.change('PATCH', '/users/dave', { groups: ['Devs', 'devs/sub', 'dev'] });
  await everywhere(cluster, async (registry) => {
    const sent = { headers: { ...dave } };
    return (await send(registry, 'POST', '/v2/team/app/blobs/uploads/', sent)).status === 404;
  });
  for (const region of REGIONS) {
    expect([await mayPush(region, dave), await mayPush(region, bearer)]).toEqual([false, false]);
    expect(await refreshed(region)).toBe('');
  }
});

it('a refresh gives no more than what was narrowed at first, through any region (CVE-2025-68944)', async () => {
  const grants = [{ actions: ['see', 'pull'], repositories: 'team/app' }];
  const made = await cluster.change('POST', '/tokens', { owner: 'dev', grants });
  const { secret } = JSON.parse(made.body.toString()) as { secret: string };
  const form = async (
    region: RegionName,
    fields: Record<string, string>,
  ): Promise<Record<string, string>> => {
    const body = new URLSearchParams({ service: 'meridian', ...fields }).toString();
    return JSON.parse(
      (await ask(region, 'POST', '/meridian/v1/token', {}, { body })).body.toString(),
    ) as Record<string, string>;
  };
  const scope = 'repository:team/app:pull,push,delete,* repository:team/other:push registry:meridian:*';
  const given = { grant_type: 'password', username: 'dev', password: secret, access_type: 'offline', scope };
  let refresh = '';
  await everywhere(cluster, async () => (refresh = (await form('us', given))['refresh_token'] ?? '') !== '');
  for (const region of REGIONS) {
    await expect
      .poll(
        async () =>
          (await form(region, { grant_type: 'refresh_token', refresh_token: refresh, scope }))['scope'],
      )
      .toMatch(/^repository:team\/app:pull(,\*)?$/);
    const { access_token = '' } = await form(region, {
      grant_type: 'refresh_token',
      refresh_token: refresh,
      scope,
    });
    const headers = { authorization: `Bearer ${access_token}` };
    expect((await ask(region, 'HEAD', `/v2/team/app/blobs/${configDigest}`, headers)).status).toBe(200);
    for (const path of ['/v2/team/app/blobs/uploads/', '/v2/team/other/blobs/uploads/'])
      expect((await ask(region, 'POST', path, headers)).status).toBe(401);
    expect((await ask(region, 'GET', '/meridian/v1/status', headers)).status).toBe(401);
  }
});
