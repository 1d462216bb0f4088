import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { OCI_MANIFEST } from '#libs/oci/mediatype.ts';
import { descriptor, pushContent, rootOf, type Content } from '#test/support/content.ts';
import { filesWith, markedImage, newMarker } from '#test/support/marked-content.ts';
import { startRegionsElsewhere, type RegionsElsewhere } from '#test/support/regions-elsewhere.ts';
import { pull, send, type Answer, type Sent } from '#test/support/registry-client.ts';
import type { ServiceName } from '#test/support/separate-region.ts';

const soon = { timeout: 60_000, interval: 50 };
/** Where the content of repositories whose names begin so may be. Whichever region is nearest to us, there is a repository that must not be there. */
const PLACEMENTS = { 'only-eu': ['eu'], 'only-us': ['us'], 'us-eu': ['us', 'eu'], 'us-ap': ['us', 'ap'] };
type Placed = keyof typeof PLACEMENTS;
const PLACED = Object.keys(PLACEMENTS) as Placed[];

let cluster: RegionsElsewhere;
let us: string;
const marker = Object.fromEntries(PLACED.map((name) => [name, newMarker()])) as Record<Placed, string>;
const image = Object.fromEntries(PLACED.map((name) => [name, markedImage(marker[name], 'image')])) as Record<
  Placed,
  Content
>;
const layerOf = ({ blobs }: Content): { digest: string; bytes: Buffer } => {
  const layer = blobs.at(-1);
  if (layer === undefined) throw new Error('The image has no layer.');
  return layer;
};

beforeAll(async () => {
  cluster = await startRegionsElsewhere({ secured: false });
  us = cluster.registries.us;
  const placements = PLACED.map((name) => ({ pattern: `${name}/**`, regions: PLACEMENTS[name] }));
  const body = JSON.stringify({ durability: 'local', placements });
  const answer = await send(us, 'PATCH', '/meridian/v1/settings', { body });
  expect([answer.status, answer.body.toString()]).toEqual([200, expect.stringContaining('only-eu')]);
  for (const [region, name] of [
    ['us', 'only-eu'],
    ['eu', 'only-us'],
    ['ap', 'only-us'],
  ] as const) {
    await vi.waitFor(async () => {
      const { status } = await send(cluster.registries[region], 'POST', `/v2/${name}/app/blobs/uploads/`);
      expect([region, status]).toEqual([region, 403]);
    }, soon);
  }
  for (const name of PLACED) {
    const registry = cluster.registries[PLACEMENTS[name][0] === 'eu' ? 'eu' : 'us'];
    await pushContent(registry, `${name}/app`, image[name], '1.0');
    const referrer = markedImage(marker[name], 'referrer', { subject: descriptor(rootOf(image[name])) });
    await pushContent(registry, `${name}/app`, referrer);
    for (const region of PLACEMENTS[name]) await untilHeld(name, region, 8);
  }
});
afterAll(() => cluster.stop());

const filesIn = (region: string, name: Placed): Promise<string[]> =>
  filesWith(join(cluster.scratch, region), marker[name]);
const untilHeld = (name: Placed, region: string, files: number): Promise<void> =>
  vi.waitFor(async () => expect((await filesIn(region, name)).length).toBeGreaterThanOrEqual(files), soon);
const ask = (method: string, path: string, sent?: Sent): Promise<Answer> => send(us, method, path, sent);
const manifest = (content: Content): Sent => ({
  headers: { 'content-type': OCI_MANIFEST },
  body: rootOf(content).bytes,
});

/** Nothing is in a region where it must not be. */
async function expectKept(): Promise<void> {
  for (const name of PLACED) {
    for (const region of ['us', 'eu', 'ap']) {
      if (!PLACEMENTS[name].includes(region))
        expect([name, region, await filesIn(region, name)]).toEqual([name, region, []]);
    }
  }
}

describe.each([
  { away: ['storage'] as ServiceName[] },
  { away: ['replication'] as ServiceName[] },
  { away: ['storage', 'replication'] as ServiceName[] },
])('while $away of us is away', ({ away }) => {
  beforeAll(async () => {
    await cluster.us.process('frontend').stop();
    for (const service of away) await cluster.us.process(service).kill();
    await cluster.us.start('frontend');
  });

  it('what must not be in us is refused there as by us itself, and says where to go', async () => {
    const [root, layer] = [rootOf(image['only-eu']), layerOf(image['only-eu'])];
    const app = '/v2/only-eu/app';
    for (const [method, path, sent] of [
      ['GET', `${app}/manifests/1.0`],
      ['HEAD', `${app}/manifests/1.0`],
      ['GET', `${app}/manifests/${root.digest}`],
      ['GET', `${app}/blobs/${layer.digest}`],
      ['HEAD', `${app}/blobs/${layer.digest}`],
      ['GET', `${app}/blobs/${layer.digest}`, { headers: { range: 'bytes=1000-200000' } }],
      ['GET', `${app}/referrers/${root.digest}`],
      ['POST', `${app}/blobs/uploads/`],
      ['POST', `${app}/blobs/uploads/?digest=${layer.digest}`, { body: layer.bytes }],
      ['POST', `${app}/blobs/uploads/?mount=${layer.digest}&from=${app.slice(4)}`],
      ['PUT', `${app}/manifests/2.0`, manifest(image['only-eu'])],
    ] as [string, string, Sent?][]) {
      const answer = await ask(method, path, sent);
      expect([method, path, answer.status]).toEqual([method, path, 403]);
      if (method === 'HEAD') continue;
      expect(JSON.parse(answer.body.toString()), path).toMatchObject({
        errors: [{ code: 'DENIED', detail: { region: 'us', regions: ['eu'] } }],
      });
    }
    await expectKept();
  });

  it('mounts through us copy nothing out of the regions where it may be', async () => {
    const { digest } = layerOf(image['only-eu']);
    for (const from of ['&from=only-eu/app', '']) {
      const path = `/v2/team/any/blobs/uploads/?mount=${digest}${from}`;
      expect((await ask('POST', path)).status).toBe(202);
    }
    await expectKept();
  });

  it('what may be in us is served and taken through regions where it may be, and through no other', async () => {
    for (const name of ['us-eu', 'us-ap'] as const) {
      const repository = `${name}/app`;
      expect((await pull(us, repository, '1.0')).digest).toBe(rootOf(image[name]).digest);
      const listed = await ask('GET', `/v2/${repository}/referrers/${rootOf(image[name]).digest}`);
      expect([listed.status, JSON.parse(listed.body.toString())]).toMatchObject([200, { manifests: [{}] }]);
      const other = PLACEMENTS[name][1];
      const pushed = markedImage(marker[name], away.join());
      const answer = await pushContent(us, repository, pushed, away.join('-'));
      expect(answer.headers['meridian-durable-regions']).toBe(other);
      expect(answer.headers['meridian-served-by']).toContain(other);
      const mounted = await ask('POST', `/v2/${name}/other/blobs/uploads/?mount=${layerOf(pushed).digest}`);
      expect(mounted.status).toBe(201);
    }
    await expectKept();
  });

  it('what may be in us only waits for us, as far as that is needed', async () => {
    const held = layerOf(image['only-us']);
    const expected = away.includes('storage') ? 503 : 200;
    expect((await ask('GET', `/v2/only-us/app/blobs/${held.digest}`)).status).toBe(expected);
    const pushed = markedImage(marker['only-us'], 'waits');
    for (const [method, path, sent] of [
      ['POST', 'blobs/uploads/'],
      ['POST', `blobs/uploads/?digest=${layerOf(pushed).digest}`, { body: layerOf(pushed).bytes }],
      ['PUT', 'manifests/waits', manifest(image['only-us'])],
    ] as [string, string, Sent?][]) {
      const answer = await ask(method, `/v2/only-us/app/${path}`, sent);
      expect([path, answer.status]).toEqual([path, 503]);
      expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0);
      expect(answer.body.toString()).toContain('it is kept in us only');
    }
    await expectKept();
  });

  it('and all of it is in us, too, once that is back', async () => {
    for (const service of away) await cluster.us.start(service);
    const log = (): string => cluster.us.process('frontend').log();
    for (const service of away)
      await expect.poll(log, soon).toContain(`this region's ${service} goes there again`);
    for (const name of ['us-eu', 'us-ap'] as const) {
      await pull(us, `${name}/app`, away.join('-'));
      const files = (await filesIn(PLACEMENTS[name][1] ?? '', name)).length;
      await untilHeld(name, 'us', files);
    }
    expect((await pull(us, 'only-us/app', '1.0')).digest).toBe(rootOf(image['only-us']).digest);
    expect(log()).not.toContain('should not');
    await expectKept();
  });
});
