import { createHash, randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { OCI_MANIFEST } from '#libs/oci/mediatype.ts';
import { writeImageLayout } from '#test/support/oci-layout.ts';
import { startRegionsElsewhere, type RegionsElsewhere } from '#test/support/regions-elsewhere.ts';
import { requestsWithout } from '#test/support/requests-without.ts';
import { pull, pullBlob, push, send, type Answer } from '#test/support/registry-client.ts';
import type { ServiceName } from '#test/support/separate-region.ts';

const soon = { timeout: 60_000, interval: 50 };

let cluster: RegionsElsewhere;
let us: string;

beforeAll(async () => {
  cluster = await startRegionsElsewhere({ secured: true });
  us = cluster.registries.us;
});
afterAll(() => cluster.stop());

interface Image {
  readonly repository: string;
  readonly digest: string;
  readonly layer: { readonly digest: string; readonly size: number };
}

let images = 0;

async function pushImage(through: keyof RegionsElsewhere['registries']): Promise<Image> {
  images += 1;
  const name = `image-${images}`;
  const repository = `team/${name}`;
  const dir = join(cluster.scratch, name);
  const { digest } = await writeImageLayout(dir, '1.0', { layerBytes: [300_000, 12], seed: name });
  await push(cluster.registries[through], repository, '1.0', dir);
  const manifest = await get(`/v2/${repository}/manifests/1.0`, cluster.registries[through]);
  const { layers } = JSON.parse(manifest.body.toString()) as { layers: Image['layer'][] };
  const [layer] = layers;
  if (layer === undefined) throw new Error('the image has no layer');
  return { repository, digest, layer };
}

function get(path: string, registry = us, headers: Record<string, string> = {}): Promise<Answer> {
  return send(registry, 'GET', path, { headers });
}

/** Without what the front end remembers of what it was asked before. */
async function without(...away: ServiceName[]): Promise<void> {
  await cluster.us.process('frontend').stop();
  for (const service of away) await cluster.us.process(service).kill();
  await cluster.us.start('frontend');
}

async function bytesFromElsewhere(): Promise<number> {
  return (await cluster.us.metric('frontend', 'meridian_elsewhere_bytes_total')) || 0;
}

describe.each([
  { away: ['storage'] as ServiceName[] },
  { away: ['replication'] as ServiceName[] },
  { away: ['storage', 'replication'] as ServiceName[] },
])('while $away of us is away', ({ away }) => {
  let held: Image;
  let elsewhere: Image;
  const catalogIsAway = away.includes('replication');
  const bytesAreAway = away.includes('storage');

  beforeAll(async () => {
    held = await pushImage('us');
    elsewhere = await pushImage('eu');
    await pushed(held);
    await without(...away);
  });

  it('everything is pulled through us at once, and answers say by whose help', async () => {
    for (const { repository, digest, layer } of [held, elsewhere]) {
      const tag = await get(`/v2/${repository}/manifests/1.0`);
      expect([tag.status, tag.headers['docker-content-digest']]).toEqual([200, digest]);
      expect(tag.headers['meridian-served-by']).toMatch(/^(eu|ap)/);
      expect(tag.headers['meridian-revision']).toMatch(/:\d+$/);
      await pull(us, repository, '1.0');
      await pull(us, repository, digest);
      const part = await get(`/v2/${repository}/blobs/${layer.digest}`, us, { range: 'bytes=1000-200999' });
      const same = await get(`/v2/${repository}/blobs/${layer.digest}`, cluster.registries.eu, {
        range: 'bytes=1000-200999',
      });
      expect([part.status, part.headers['content-range']]).toEqual([206, same.headers['content-range']]);
      expect(part.body.equals(same.body)).toBe(true);
      if (bytesAreAway) expect(part.headers['meridian-served-by']).toMatch(/^(eu|ap)/);
    }
    if (bytesAreAway) expect(await bytesFromElsewhere()).toBeGreaterThan(300_000);
    expect(await cluster.us.readiness('frontend')).toBe(200);
  });

  it('nobody gets what is not his, and what is nowhere is 404', async () => {
    const never = `sha256:${'0'.repeat(64)}`;
    for (const [path, status] of [
      [`/v2/team/other/blobs/${held.layer.digest}`, bytesAreAway || catalogIsAway ? 503 : 404],
      [`/v2/${held.repository}/manifests/none`, 404],
      [`/v2/${held.repository}/manifests/${never}`, 404],
      ['/v2/team/none/tags/list', 404],
    ] as const) {
      expect([path, (await get(path)).status]).toEqual([path, status]);
    }
    const asked = await send(us, 'HEAD', `/v2/team/other/blobs/${held.layer.digest}`);
    expect(asked.status).toBe(404);
    const listed = await get(`/v2/${held.repository}/tags/list`);
    expect(JSON.parse(listed.body.toString())).toMatchObject({ tags: ['1.0'] });
  });

  it('pushes through us go to the other regions, and are seen everywhere when they return', async () => {
    const pushed = await pushImage('us');
    for (const registry of Object.values(cluster.registries)) {
      await expect(pull(registry, pushed.repository, '1.0')).resolves.toMatchObject({
        digest: pushed.digest,
      });
    }
    const bytes = randomBytes(2_000);
    const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
    const whole = await send(us, 'POST', `/v2/${pushed.repository}/blobs/uploads/?digest=${digest}`, {
      body: bytes,
    });
    expect([whole.status, whole.headers.location]).toEqual([201, `/v2/${pushed.repository}/blobs/${digest}`]);
    expect(await pullBlob(us, pushed.repository, digest)).toBe(bytes.length);
    const unlike = { 'content-type': OCI_MANIFEST, 'if-match': `"sha256:${'0'.repeat(64)}"` };
    const { body } = await get(`/v2/${pushed.repository}/manifests/1.0`);
    const moved = await send(us, 'PUT', `/v2/${pushed.repository}/manifests/1.0`, { headers: unlike, body });
    expect(moved.status).toBe(412);
    const deleted = await send(us, 'DELETE', `/v2/${pushed.repository}/manifests/1.0`);
    expect(deleted.status).toBe(202);
    expect((await get(`/v2/${pushed.repository}/manifests/1.0`)).status).toBe(404);
  });

  it('us serves by itself again once all of it is back, and has what was pushed meanwhile', async () => {
    const meanwhile = await pushImage('us');
    for (const service of away) await cluster.us.start(service);
    const log = (): string => cluster.us.process('frontend').log();
    for (const service of away)
      await expect.poll(log, soon).toContain(`this region's ${service} goes there again`);
    const isLocal = async (): Promise<boolean> => {
      const manifest = await get(`/v2/${meanwhile.repository}/manifests/1.0`);
      const blob = await get(`/v2/${meanwhile.repository}/blobs/${meanwhile.layer.digest}`);
      return (
        manifest.status === 200 &&
        blob.status === 200 &&
        manifest.headers['meridian-served-by'] === undefined &&
        blob.headers['meridian-served-by'] === undefined
      );
    };
    await expect.poll(isLocal, soon).toBe(true);
    const missing = (): Promise<number> =>
      cluster.us.metric('replication', 'meridian_replication_missing_blobs');
    await expect.poll(missing, soon).toBe(0);
    const before = await bytesFromElsewhere();
    await pull(us, meanwhile.repository, '1.0');
    const after = await pushImage('us');
    await pull(us, after.repository, '1.0');
    expect(await bytesFromElsewhere()).toBe(before);
    expect(log()).not.toContain('should not');
  });
});

describe.each(['storage', 'replication'] as const)('while the %s of us hangs', (service) => {
  it('its work is done elsewhere once that is noticed, and here again as soon as it goes on', async () => {
    const image = await pushImage('us');
    await pushed(image);
    await without();
    const { pid } = cluster.us.process(service);
    process.kill(pid, 'SIGSTOP');
    try {
      await pull(us, image.repository, '1.0');
      const { repository, layer } = image;
      const path = service === 'storage' ? `blobs/${layer.digest}` : 'tags/list';
      expect((await get(`/v2/${repository}/${path}`)).headers['meridian-served-by']).toMatch(/^(eu|ap)$/);
    } finally {
      process.kill(pid, 'SIGCONT');
    }
    const log = (): string => cluster.us.process('frontend').log();
    await expect.poll(log, soon).toContain(`this region's ${service} goes there again`);
    expect((await get(`/v2/${image.repository}/tags/list`)).headers['meridian-served-by']).toBeUndefined();
  });
});

/** Has all regions hold the image. */
async function pushed({ repository }: Pick<Image, 'repository'>): Promise<void> {
  await Promise.all(Object.values(cluster.registries).map((registry) => pull(registry, repository, '1.0')));
}

describe.each(['storage', 'replication'] as const)('without the %s of us', (down) => {
  it('a front end answers every route as it can by the help of other regions', async () => {
    const dir = join(cluster.scratch, 'every-route');
    const { digest } = await writeImageLayout(dir, '1.0', { layerBytes: [100_000], seed: down });
    await push(us, 'team/app', '1.0', dir);
    await pushed({ repository: 'team/app' });
    const { body: bytes } = await get('/v2/team/app/manifests/1.0');
    const { layers } = JSON.parse(bytes.toString()) as { layers: { digest: string }[] };
    const requests = requestsWithout({ digest, bytes, layer: layers[0]?.digest ?? '' });
    await without(down);
    const answers = await Promise.all(
      requests.map(async ({ method, path, sent }) => [
        method,
        path,
        (await send(us, method, path, sent)).status,
      ]),
    );
    expect(answers).toEqual(requests.map(({ method, path, elsewhere }) => [method, path, elsewhere[down]]));
    expect(cluster.us.process('frontend').log()).not.toContain('should not');
    await cluster.us.start(down);
  });
});

describe('while the storage of us is away and the nearest region drains', () => {
  it('new content goes to the one after it', async () => {
    await without('storage');
    const begun = async (): Promise<string> => {
      const { headers } = await send(us, 'POST', '/v2/team/drained/blobs/uploads/');
      return /uploads\/(\w+)\./.exec(headers.location ?? '')?.[1] ?? '';
    };
    const nearest = await begun();
    expect(nearest).toMatch(/^(eu|ap)$/);
    const set = (state: string): Promise<Answer> =>
      send(us, 'PATCH', `/meridian/v1/regions/${nearest}`, { body: JSON.stringify({ state }) });
    expect((await set('draining')).status).toBe(200);
    await expect.poll(begun, soon).toBe(nearest === 'eu' ? 'ap' : 'eu');
    expect((await set('active')).status).toBe(200);
    await cluster.us.start('storage');
  });
});
