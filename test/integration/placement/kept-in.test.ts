import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { OCI_INDEX } from '#libs/oci/mediatype.ts';
import { startCluster, type RegionName, type TestCluster } from '#test/support/cluster.ts';
import { descriptor, piece, pushContent, pushManifest, rootOf, type Content } from '#test/support/content.ts';
import { filesWith, markedImage, newMarker } from '#test/support/marked-content.ts';
import { pull, send, type Answer, type Sent } from '#test/support/registry-client.ts';

const REPOSITORY = 'eu/app';
const OUTSIDE = ['us', 'ap'] as const;
const WAIT = { timeout: 60_000, interval: 200 };

const marker = newMarker();
const child = markedImage(marker, 'child');
const index: Content = {
  blobs: child.blobs,
  manifests: [
    ...child.manifests,
    piece(
      JSON.stringify({
        schemaVersion: 2,
        mediaType: OCI_INDEX,
        manifests: [descriptor(rootOf(child))],
        marker,
      }),
      OCI_INDEX,
    ),
  ],
};
const referrer = markedImage(marker, 'referrer', { subject: descriptor(rootOf(child)) });
const layer = child.blobs.at(-1);
if (layer === undefined) throw new Error('The image has no layer.');

let cluster: TestCluster;
beforeAll(async () => {
  cluster = await startCluster();
  const rules = { placements: [{ pattern: 'eu/**', regions: ['eu'] }] };
  const answer = await api('us', 'PATCH', 'settings', rules);
  expect([answer.status, answer.body.toString()]).toEqual([200, expect.stringContaining('eu/**')]);
  const pushed = await pushContent(cluster.registry('eu'), REPOSITORY, index, '1.0');
  expect(pushed.headers['meridian-durable-regions']).toBe('eu');
  await pushContent(cluster.registry('eu'), REPOSITORY, referrer);
  expect(await filesWith(join(cluster.dataDir, 'eu'), marker)).toHaveLength(9);
});
afterAll(() => cluster.dispose());

const api = (region: string, method: string, path: string, body?: object): Promise<Answer> =>
  send(cluster.registry(region), method, `/meridian/v1/${path}`, body && { body: JSON.stringify(body) });
const ask = (region: RegionName, method: string, path: string, sent?: Sent): Promise<Answer> =>
  send(cluster.registry(region), method, `/v2/${REPOSITORY}/${path}`, sent);
const json = (answer: Answer): unknown => JSON.parse(answer.body.toString());

/** No file of the region has any of the content's bytes in it, and none came over a link. */
const hasNothing = async (region: RegionName): Promise<void> => {
  expect(await filesWith(join(cluster.dataDir, region), marker)).toEqual([]);
  expect(await cluster.metric(region, 'meridian_peer_bytes_total')).toBe(0);
};

const root = rootOf(index);
const body = { body: layer.bytes };

it.each<[what: string, method: string, path: string, sent?: Sent]>([
  ['a pull by tag', 'GET', 'manifests/1.0'],
  ['a look by tag', 'HEAD', 'manifests/1.0'],
  ['a strong pull by tag', 'GET', 'manifests/1.0', { headers: { 'meridian-consistency': 'strong' } }],
  ['a pull by digest', 'GET', `manifests/${root.digest}`],
  ["a pull of the index's child", 'GET', `manifests/${rootOf(child).digest}`],
  ['a pull of a blob', 'GET', `blobs/${layer.digest}`],
  ['a look for a blob', 'HEAD', `blobs/${layer.digest}`],
  ['a range of a blob', 'GET', `blobs/${layer.digest}`, { headers: { range: 'bytes=1000-200000' } }],
  ['a list of referrers', 'GET', `referrers/${rootOf(child).digest}`],
  ['an upload', 'POST', 'blobs/uploads/'],
  ['an upload at once', 'POST', `blobs/uploads/?digest=${layer.digest}`, body],
  ['a mount', 'POST', `blobs/uploads/?mount=${layer.digest}&from=${REPOSITORY}`],
  [
    'a push of a manifest',
    'PUT',
    'manifests/2.0',
    { headers: { 'content-type': OCI_INDEX }, body: root.bytes },
  ],
])('%s is refused outside, and the refusal says where to go', async (_what, method, path, sent) => {
  for (const region of OUTSIDE) {
    const answer = await ask(region, method, path, sent);
    expect(answer.status).toBe(403);
    if (method !== 'HEAD') {
      expect(json(answer)).toMatchObject({
        errors: [{ code: 'DENIED', detail: { region, regions: ['eu'] } }],
      });
      expect(answer.body.toString()).toContain('Use the registry in eu');
    }
    await hasNothing(region);
  }
});

it('an upload begun inside is not gone on with outside', async () => {
  const opened = await ask('eu', 'POST', 'blobs/uploads/');
  const location = String(opened.headers.location);
  for (const method of ['PATCH', 'PUT']) {
    const path = method === 'PUT' ? `${location}?digest=${layer.digest}` : location;
    expect((await send(cluster.registry('us'), method, path, body)).status).toBe(403);
  }
  await hasNothing('us');
});

it('a mount outside into a repository that may be there copies nothing', async () => {
  for (const from of [`&from=${REPOSITORY}`, '']) {
    const path = `/v2/team/any/blobs/uploads/?mount=${layer.digest}${from}`;
    expect((await send(cluster.registry('us'), 'POST', path)).status).toBe(202);
  }
  await hasNothing('us');
});

it('tags are told everywhere, and the durability asked is that of the regions where the content may be', async () => {
  expect(json(await ask('us', 'GET', 'tags/list'))).toMatchObject({ tags: ['1.0'] });
  const told = await api('us', 'GET', `repositories/${REPOSITORY}/durability?reference=1.0&wait=10s`);
  expect(json(told)).toMatchObject({ durable: true, placement: ['eu'], regions: [{ region: 'eu' }] });
  expect(json(await api('us', 'GET', 'status'))).toMatchObject({
    placements: [{ pattern: 'eu/**', regions: ['eu'] }],
  });
});

it('neither repair nor verification brings it outside, and nothing is missing there', async () => {
  for (const work of ['repair', 'verify']) {
    expect((await api('us', 'POST', `regions/us/${work}`)).status).toBe(202);
    await expect
      .poll(async () => json(await api('us', 'GET', `regions/us/${work}`)), WAIT)
      .toMatchObject({ running: false, missing: 0 });
  }
  for (const region of OUTSIDE) {
    expect(await cluster.metric(region, 'meridian_replication_missing_blobs')).toBe(0);
    await hasNothing(region);
  }
});

it('what may be everywhere still is, also where it has a layer of a placed repository', async () => {
  const image = markedImage(newMarker(), 'everywhere');
  await pushContent(cluster.registry('eu'), REPOSITORY, image, 'shared');
  await pushContent(cluster.registry('eu'), 'team/any', image, '1.0');
  for (const region of OUTSIDE) {
    await pull(cluster.registry(region), 'team/any', '1.0');
    expect((await ask(region, 'GET', 'manifests/shared')).status).toBe(403);
  }
});

it('a region that holds what may be nowhere else is not drained, and says of which repositories', async () => {
  expect((await api('us', 'PATCH', 'regions/eu', { state: 'draining' })).status).toBe(200);
  await expect
    .poll(async () => json(await api('us', 'DELETE', 'regions/eu')), WAIT)
    .toMatchObject({ errors: [{ detail: { placedHereOnly: [REPOSITORY] } }] });
  const refused = await api('us', 'DELETE', 'regions/eu');
  expect(refused.status).toBe(409);
  expect(refused.body.toString()).toContain(`The content of ${REPOSITORY} may be in no other active region`);
  expect((await api('us', 'PATCH', 'regions/eu', { state: 'active' })).status).toBe(200);
});

it('the front end that starts anew knows it from its first request on', async () => {
  await cluster.kill('us');
  await cluster.restart('us');
  expect((await ask('us', 'POST', `blobs/uploads/?digest=${layer.digest}`, body)).status).toBe(403);
  expect((await ask('us', 'GET', `blobs/${layer.digest}`)).status).toBe(403);
  expect(await filesWith(join(cluster.dataDir, 'us'), marker)).toEqual([]);
});

it('a push goes on inside while it is refused outside', async () => {
  const image = markedImage(marker, 'again');
  await pushContent(cluster.registry('eu'), REPOSITORY, image, '2.0');
  await pushManifest(cluster.registry('eu'), REPOSITORY, rootOf(image), '3.0');
  await pull(cluster.registry('eu'), REPOSITORY, '3.0');
  for (const region of OUTSIDE) expect(await filesWith(join(cluster.dataDir, region), marker)).toEqual([]);
});
