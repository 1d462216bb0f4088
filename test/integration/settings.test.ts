import { createHash, randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { OCI_CONFIG, OCI_INDEX, OCI_LAYER, OCI_MANIFEST } from '#libs/oci/mediatype.ts';
import { REGIONS, startCluster, type RegionName, type TestCluster } from '#test/support/cluster.ts';
import { writeImageLayout } from '#test/support/oci-layout.ts';
import { pull, push, pushBlob, send, type Answer } from '#test/support/registry-client.ts';

let cluster: TestCluster;
let scratch: string;
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'meridian-settings-'));
  cluster = await startCluster();
});
afterAll(async () => {
  await cluster.dispose();
  await rm(scratch, { recursive: true, force: true });
});

const sha256 = (bytes: Buffer): string => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

const configure = async (region: RegionName, repository: string, settings: object) => {
  const path = `/meridian/v1/repositories/${repository}/settings`;
  const answer = await send(cluster.registry(region), 'PATCH', path, { body: JSON.stringify(settings) });
  expect([answer.status, answer.body.toString()]).toEqual([200, expect.stringContaining('effective')]);
};

const putManifest = async (
  region: RegionName,
  path: string,
  mediaType: string,
  content: object,
): Promise<Answer> => {
  const body = JSON.stringify({ schemaVersion: 2, mediaType, ...content });
  const headers = { 'content-type': mediaType };
  const answer = await send(cluster.registry(region), 'PUT', `/v2/${path}`, { headers, body });
  expect([answer.status, answer.body.toString()]).toEqual([201, '']);
  return answer;
};

it('settings changed in one region hold in the others', async () => {
  await configure('us', 'team/everywhere', { durability: 'all' });
  for (const region of REGIONS) {
    const path = '/meridian/v1/repositories/team/everywhere/settings';
    const told = await send(cluster.registry(region), 'GET', path);
    expect(JSON.parse(told.body.toString())).toMatchObject({
      effective: { durability: { value: 'all', source: 'repository' } },
    });
    const dir = join(scratch, `everywhere-${region}`);
    await writeImageLayout(dir, '1.0', { layerBytes: [1000], seed: region });
    const pushed = await push(cluster.registry(region), 'team/everywhere', region, dir);
    expect(pushed.headers['meridian-durable-regions']).toBe('ap,eu,us');
  }
});

it('an index pushed before its child is whole everywhere once the child is pushed through another region', async () => {
  await configure('us', 'team/sparse', { missing: 'accept' });
  const dir = join(scratch, 'child');
  const child = await writeImageLayout(dir, '1.0', { layerBytes: [5000, 70_000], seed: 'child' });
  await putManifest('us', 'team/sparse/manifests/1.0', OCI_INDEX, { manifests: [child] });
  const absent = await send(cluster.registry('ap'), 'GET', `/v2/team/sparse/manifests/${child.digest}`);
  expect(absent.status).toBe(404);
  await push(cluster.registry('eu'), 'team/sparse', 'child', dir);
  await pull(cluster.registry('ap'), 'team/sparse', '1.0');
});

it('a layer uploaded after the manifest that names it is kept by every region', async () => {
  await configure('us', 'team/late', { missing: 'accept' });
  const [config, layer] = [Buffer.from('{}'), randomBytes(40_000)];
  await pushBlob(cluster.registry('us'), 'team/late', sha256(config), config);
  const image = {
    config: { mediaType: OCI_CONFIG, digest: sha256(config), size: config.length },
    layers: [{ mediaType: OCI_LAYER, digest: sha256(layer), size: layer.length }],
  };
  await putManifest('us', 'team/late/manifests/1.0', OCI_MANIFEST, image);
  await pushBlob(cluster.registry('eu'), 'team/late', sha256(layer), layer);
  const [algorithm = '', hex = ''] = sha256(layer).split(':');
  const held = (): boolean =>
    REGIONS.every((region) =>
      existsSync(join(cluster.dataDir, region, 'storage', 'blobs', algorithm, hex.slice(0, 2), hex)),
    );
  await expect.poll(held, { timeout: 20_000, interval: 50 }).toBe(true);
  await pull(cluster.registry('ap'), 'team/late', '1.0');
});

it('a repository with strong reads never gives an old tag in any region', async () => {
  await configure('us', 'team/strong', { reads: 'strong' });
  const images: string[] = [];
  for (const seed of ['even', 'odd']) {
    const dir = join(scratch, seed);
    images.push((await writeImageLayout(dir, '1.0', { layerBytes: [100], seed })).digest);
    await push(cluster.registry('us'), 'team/strong', seed, dir);
  }
  const read = async (region: RegionName, path: string): Promise<Answer> =>
    send(cluster.registry(region), 'GET', `/v2/team/strong/manifests/${path}`);
  const bodies = await Promise.all(images.map(async (digest) => (await read('us', digest)).body));
  /** The digest that the tag has since the last push returned; undefined while one runs. */
  let current: string | undefined;
  let ended = false;
  const old: string[] = [];
  let judged = 0;
  const watch = async (region: RegionName): Promise<void> => {
    while (!ended) {
      const expected = current;
      const digest = (await read(region, 'live')).headers['docker-content-digest'];
      if (expected === undefined || expected !== current) continue;
      judged += 1;
      if (digest !== expected) old.push(`${region}: ${String(digest)} instead of ${expected}`);
    }
  };
  const watching = REGIONS.flatMap((region) => Array.from({ length: READERS }, () => watch(region)));
  for (let round = 0; round < ROUNDS; round++) {
    const writer = REGIONS[round % REGIONS.length] ?? 'us';
    current = undefined;
    const headers = { 'content-type': OCI_MANIFEST };
    const body = bodies[round % 2] ?? Buffer.alloc(0);
    const path = '/v2/team/strong/manifests/live';
    const moved = await send(cluster.registry(writer), 'PUT', path, { headers, body });
    expect(moved.status).toBe(201);
    current = images[round % 2];
    const others = REGIONS.filter((region) => region !== writer);
    const seen = await Promise.all(others.map((region) => read(region, 'live')));
    expect(seen.map(({ headers }) => headers['docker-content-digest'])).toEqual([current, current]);
  }
  ended = true;
  await Promise.all(watching);
  expect(old).toEqual([]);
  expect(judged).toBeGreaterThan(ROUNDS);
});

/** Enough that a region has many reads waiting when a tag moves. */
const READERS = 6;
const ROUNDS = 40;
