import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { OCI_CONFIG, OCI_FOREIGN_LAYER, OCI_INDEX, OCI_LAYER, OCI_MANIFEST } from '#libs/oci/mediatype.ts';
import type { Authentication } from '#services/frontend/auth/authentication.ts';
import type { ReadBuffers } from '#services/frontend/content/read-buffers.ts';
import type { Frontend } from '#services/frontend/frontend.ts';
import { routeTable } from '#services/frontend/routes.ts';
import { REGIONS } from '#test/support/cluster.ts';
import {
  addUser,
  startGuardedCluster,
  type GuardedCluster,
  type Headers,
} from '#test/support/guarded-cluster.ts';
import { open, pushBlob, send, type Answer } from '#test/support/registry-client.ts';

/*
 * What is pushed and asked for, taken for something else: URLs for places to go to, keys for what objects inherit, an image for an index.
 */

let cluster: GuardedCluster;
let alice: Headers;
/** Where nobody should come. */
let canary: Server;
let visits = 0;
let canaryUrl: string;
const config = randomBytes(30);
const configDigest = digestOf(config);

beforeAll(async () => {
  cluster = await startGuardedCluster();
  alice = await addUser(cluster, 'alice', { role: 'maintainer', repositories: 'team/**' });
  await pushBlob(cluster.registry('us'), 'team/app', configDigest, config, { ...alice });
  canary = createServer((socket) => {
    visits += 1;
    socket.destroy();
  }).listen(0, '127.0.0.1');
  await once(canary, 'listening');
  canaryUrl = `http://127.0.0.1:${(canary.address() as AddressInfo).port}/layer`;
}, 120_000);
afterAll(async () => {
  canary.close();
  await cluster.dispose();
});

function digestOf(bytes: Buffer | string): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

const own = { mediaType: OCI_CONFIG, digest: configDigest, size: config.length };

function put(reference: string, type: string | undefined, body: Buffer | string): Promise<Answer> {
  const headers = { ...alice, ...(type !== undefined && { 'content-type': type }) };
  return send(cluster.registry('us'), 'PUT', `/v2/team/app/manifests/${reference}`, { headers, body });
}

function get(region: string, path: string, headers: Headers = alice): Promise<Answer> {
  return send(cluster.registry(region), 'GET', path, { headers });
}

// Fails as soon as any process of any region opens a connection to what a manifest names.
it('nothing that is pushed or asked makes the registry go anywhere: urls, webhooks, keys of tokens (SSRF)', async () => {
  await expect(open(new URL(canaryUrl).host, 'GET', '/')).rejects.toThrow();
  expect(visits).toBe(1);
  const foreign = digestOf('what only the URL has');
  const layer = { mediaType: OCI_FOREIGN_LAYER, digest: foreign, size: 5, urls: [canaryUrl] };
  const image = JSON.stringify({
    ...{ schemaVersion: 2, mediaType: OCI_MANIFEST, config: { ...own, urls: [canaryUrl] }, layers: [layer] },
    annotations: {
      'org.opencontainers.image.url': canaryUrl,
      'org.opencontainers.image.base.name': canaryUrl,
    },
  });
  expect((await put('foreign', OCI_MANIFEST, image)).status).toBe(201);
  const header = (more: object): string =>
    Buffer.from(JSON.stringify({ alg: 'ES256', kid: 'k', ...more })).toString('base64url');
  for (const region of REGIONS) {
    expect((await get(region, '/v2/team/app/manifests/foreign')).status).toBe(200);
    expect((await get(region, `/v2/team/app/blobs/${foreign}`)).status).toBe(404);
    const mount = `/v2/team/app/blobs/uploads/?mount=${foreign}&from=${encodeURIComponent(canaryUrl)}`;
    expect((await send(cluster.registry(region), 'POST', mount, { headers: { ...alice } })).status).toBe(400);
    for (const more of [{ jku: canaryUrl }, { x5u: canaryUrl }, { jwk: {}, iss: canaryUrl }]) {
      const token = `${header(more)}.${header({ iss: canaryUrl })}.AAAA`;
      expect((await get(region, '/v2/', { authorization: `Bearer ${token}` })).status).toBe(401);
    }
    for (const headers of [
      { 'x-forwarded-host': new URL(canaryUrl).host },
      { host: new URL(canaryUrl).host },
    ])
      expect((await get(region, '/v2/team/app/tags/list', { ...alice, ...headers })).status).toBe(200);
    expect(
      (await get(region, `/v2/team/app/manifests/foreign?ns=${encodeURIComponent(canaryUrl)}`)).status,
    ).toBe(200);
  }
  // There are no webhooks: no route takes one, and no setting.
  const frontend = { settings: {}, authentication: {} as Authentication } as Frontend;
  const paths = routeTable(frontend, {} as ReadBuffers).map(([, path]) => path);
  expect(paths.filter((path) => /hook|notif|callback-url|proxy/.test(path))).toEqual([]);
  const patch = { headers: { ...alice }, body: JSON.stringify({ webhooks: [canaryUrl] }) };
  const refused = await send(
    cluster.registry('us'),
    'PATCH',
    '/meridian/v1/repositories/team/app/settings',
    patch,
  );
  expect(refused.status).toBe(400);
  expect(visits).toBe(1);
});

// Fails where the Content-Type decides what the body is, or where Accept decides what is said of it.
it('the same bytes are the same kind of thing to everyone (CVE-2021-41190)', async () => {
  const both = { schemaVersion: 2, config: own, layers: [], manifests: [] };
  const index = { schemaVersion: 2, manifests: [] };
  const image = { schemaVersion: 2, config: own, layers: [] };
  for (const [type, body] of [
    [OCI_MANIFEST, both],
    [OCI_INDEX, both],
    [OCI_INDEX, { ...index, mediaType: OCI_MANIFEST }],
    [OCI_MANIFEST, { ...image, mediaType: OCI_INDEX }],
    [OCI_MANIFEST, { ...image, MediaType: OCI_INDEX, Manifests: [] }],
    [undefined, both],
    [OCI_MANIFEST, index],
    [OCI_INDEX, image],
    ['application/vnd.docker.distribution.manifest.v1+json', { ...image, fsLayers: [] }],
  ] as const) {
    const text = JSON.stringify(body);
    expect([text, (await put('confused', type, text)).status]).toEqual([text, 400]);
    // A key twice is read by some as the first and by others as the second.
    const twice = text.replace('{', `{"mediaType":"${OCI_MANIFEST}","mediaType":"${OCI_INDEX}",`);
    expect((await put('confused', type, twice)).status).toBe(400);
  }
  const bytes = JSON.stringify(image);
  expect((await put('plain', OCI_MANIFEST, bytes)).status).toBe(201);
  // The same bytes pushed as something else are refused, or are what they were.
  expect((await put('plain', OCI_INDEX, bytes)).status).toBe(400);
  for (const region of REGIONS) {
    for (const accept of [OCI_INDEX, OCI_MANIFEST, 'text/html', '*/*']) {
      for (const reference of ['plain', digestOf(bytes)]) {
        const answer = await get(region, `/v2/team/app/manifests/${reference}`, { ...alice, accept });
        expect([answer.status, answer.headers['content-type']]).toEqual([200, OCI_MANIFEST]);
      }
    }
    // As a blob it is bytes, whatever it was pushed as, and nothing that a browser would run.
    const blob = await get(region, `/v2/team/app/blobs/${digestOf(bytes)}`);
    expect([404, 200]).toContain(blob.status);
    if (blob.status === 200) expect(blob.headers['content-type']).toBe('application/octet-stream');
  }
});

// Fails where a body's, query's or path's keys are put into an object that has a prototype, or looked up in one.
it('no key becomes something that all objects have (prototype pollution)', async () => {
  const us = cluster.registry('us');
  const patch = (path: string, body: string): Promise<Answer> =>
    send(us, 'PATCH', path, { headers: { ...cluster.admin }, body });
  const polluting = ['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty'];
  for (const key of polluting) {
    const value =
      '{"role":"administrator","allowed":true,"disabled":true,"deleteAfterMs":1,"reads":"strong"}';
    for (const body of [
      `{"${key}":${value}}`,
      `{"constructor":{"prototype":${value}}}`,
      `{"\\u005f_proto__":${value}}`,
    ]) {
      for (const path of [
        '/meridian/v1/settings',
        '/meridian/v1/repositories/team/app/settings',
        '/meridian/v1/auth/users/alice',
      ])
        expect([path, body, (await patch(path, body)).status]).toEqual([path, body, 400]);
      const manifest = `{"schemaVersion":2,"mediaType":"${OCI_INDEX}","manifests":[],"annotations":${body}}`;
      expect((await put(`p-${key.replaceAll('_', '')}`, OCI_INDEX, manifest)).status).toBe(400);
    }
    for (const path of [
      `/meridian/v1/auth/users/${key}`,
      `/meridian/v1/auth/can?identity=${key}&action=${key}&repository=team/app`,
      `/meridian/v1/regions/${key}/collection`,
      `/v2/team/app/manifests/latest?${key}=x&${key}[a]=b&__proto__[tag]=x`,
      `/v2/${key}/tags/list`,
    ])
      expect([400, 404, 405], path).toContain(
        (await send(us, 'GET', path, { headers: { ...cluster.admin } })).status,
      );
    const headers = { ...alice, [key]: 'x', 'meridian-consistency': key };
    expect((await send(us, 'GET', '/v2/team/app/manifests/plain', { headers })).status).toBe(400);
    const name = Buffer.from(`${key}:x`).toString('base64');
    expect((await get('us', '/v2/', { authorization: `Basic ${name}` })).status).toBe(401);
  }
  // Such keys are texts like others where texts are allowed.
  const annotations = { constructor: 'a', toString: 'b', prototype: 'c' };
  const body = JSON.stringify({ schemaVersion: 2, mediaType: OCI_INDEX, manifests: [], annotations });
  expect((await put('words', OCI_INDEX, body)).status).toBe(201);
  for (const region of REGIONS) {
    expect((await get(region, '/v2/team/app/manifests/words')).body.toString()).toBe(body);
    // Nobody became an administrator, or lost what he was.
    expect((await get(region, '/meridian/v1/status')).status).toBe(403);
    expect((await get(region, '/v2/secret/app/tags/list')).status).toBe(404);
    expect((await get(region, '/v2/team/app/tags/list')).status).toBe(200);
  }
});

it('what is pushed with a layer’s type stays a layer', async () => {
  const script = Buffer.from('<script>alert(1)</script>');
  const digest = digestOf(script);
  await pushBlob(cluster.registry('us'), 'team/app', digest, script, { ...alice });
  const layers = [{ mediaType: OCI_LAYER, digest, size: script.length }];
  const body = JSON.stringify({ schemaVersion: 2, mediaType: OCI_MANIFEST, config: own, layers });
  expect((await put('script', OCI_MANIFEST, body)).status).toBe(201);
  for (const region of REGIONS) {
    const answer = await get(region, `/v2/team/app/blobs/${digest}`, { ...alice, accept: 'text/html' });
    expect(answer.headers['content-type']).toBe('application/octet-stream');
    expect(answer.body.equals(script)).toBe(true);
  }
});
