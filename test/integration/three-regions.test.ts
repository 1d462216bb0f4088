import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { REGIONS, startCluster, type RegionName, type TestCluster } from '#test/support/cluster.ts';
import { writeArtifactLayout, writeImageLayout, writeIndexLayout } from '#test/support/oci-layout.ts';
import { pull, push, pushBlob, send, type Answer } from '#test/support/registry-client.ts';
import { createHash } from 'node:crypto';

const others: RegionName[] = ['eu', 'ap'];
const MEGABYTE = 1024 * 1024;

describe('three regions on one machine', () => {
  let cluster: TestCluster;
  let scratch: string;

  beforeAll(async () => {
    scratch = await mkdtemp(join(tmpdir(), 'meridian-images-'));
    cluster = await startCluster();
  });
  afterAll(async () => {
    await cluster.dispose();
    await rm(scratch, { recursive: true, force: true });
  });

  const layouts: [string, (dir: string) => Promise<{ digest: string }>][] = [
    [
      'an image of many layers',
      (dir) => writeImageLayout(dir, '1.0', { layerBytes: layers(24), seed: 'many' }),
    ],
    ['a large layer', (dir) => writeImageLayout(dir, '1.0', { layerBytes: [96 * MEGABYTE], seed: 'large' })],
    [
      'a multi-architecture index',
      (dir) =>
        writeIndexLayout(dir, '1.0', ['amd64', 'arm64'], { layerBytes: [MEGABYTE, 100], seed: 'index' }),
    ],
    ['an artifact', (dir) => writeArtifactLayout(dir, '1.0', Buffer.from('{"packages":[]}'))],
  ];

  it.each(layouts)('%s pushed in one region is pulled whole from the others at once', async (name, write) => {
    const dir = join(scratch, name.replaceAll(' ', '-'));
    const repository = `team/${name.replaceAll(' ', '-').toLowerCase()}`;
    const { digest } = await write(dir);
    const pushed = await push(cluster.registry('us'), repository, '1.0', dir);
    expect(String(pushed.headers['meridian-durable-regions']).split(',').length).toBeGreaterThanOrEqual(2);
    for (const region of others) {
      await expect(pull(cluster.registry(region), repository, '1.0')).resolves.toMatchObject({ digest });
    }
  });

  it('moves no byte between regions for the second pull of the same image', async () => {
    const dir = join(scratch, 'twice');
    await writeImageLayout(dir, '1.0', { layerBytes: layers(4), seed: 'twice' });
    const pushed = await push(cluster.registry('us'), 'team/twice', '1.0', dir);
    for (const region of others) await pull(cluster.registry(region), 'team/twice', '1.0');
    await holdEverything(cluster, pushed);
    const before = await bytesBetweenRegions(cluster);
    for (const region of others) await pull(cluster.registry(region), 'team/twice', '1.0');
    expect(before).toBeGreaterThan(0);
    expect(await bytesBetweenRegions(cluster)).toBe(before);
  });

  it('shows a moved tag at once to a reader that brings the revision of the push', async () => {
    const [first, second] = [join(scratch, 'v1'), join(scratch, 'v2')];
    await writeImageLayout(first, 'x', { layerBytes: [1000], seed: 'v1' });
    const moved = await writeImageLayout(second, 'x', { layerBytes: [1000], seed: 'v2' });
    await push(cluster.registry('us'), 'team/moved', 'live', first);
    await pull(cluster.registry('ap'), 'team/moved', 'live');
    const pushed = await push(cluster.registry('eu'), 'team/moved', 'live', second);
    const headers = { 'meridian-min-revision': String(pushed.headers['meridian-revision']) };
    const seen = await send(cluster.registry('ap'), 'HEAD', '/v2/team/moved/manifests/live', { headers });
    expect(seen.headers['docker-content-digest']).toBe(moved.digest);
  });

  it('takes a push whose requests go to different regions', async () => {
    const layer = Buffer.from('uploaded through two regions');
    const digest = `sha256:${createHash('sha256').update(layer).digest('hex')}`;
    const opened = await send(cluster.registry('us'), 'POST', '/v2/team/roaming/blobs/uploads/');
    const session = new URL(String(opened.headers.location), 'http://registry');
    const finished = await send(cluster.registry('ap'), 'PUT', `${session.pathname}?digest=${digest}`, {
      body: layer,
    });
    expect([finished.status, finished.body.toString()]).toEqual([201, '']);
    const config = Buffer.from('{}');
    const configDigest = `sha256:${createHash('sha256').update(config).digest('hex')}`;
    await pushBlob(cluster.registry('eu'), 'team/roaming', configDigest, config);
    const manifest = JSON.stringify({
      schemaVersion: 2,
      mediaType: 'application/vnd.oci.image.manifest.v1+json',
      config: { mediaType: 'application/vnd.oci.empty.v1+json', digest: configDigest, size: config.length },
      layers: [{ mediaType: 'application/octet-stream', digest, size: layer.length }],
    });
    const headers = { 'content-type': 'application/vnd.oci.image.manifest.v1+json' };
    const put = await send(cluster.registry('ap'), 'PUT', '/v2/team/roaming/manifests/1.0', {
      headers,
      body: manifest,
    });
    expect([put.status, put.body.toString()]).toEqual([201, '']);
    for (const region of REGIONS) await pull(cluster.registry(region), 'team/roaming', '1.0');
  });

  it('serves an acknowledged push whole when its region is killed, and the region catches up when it is back', async () => {
    const [before, during] = [join(scratch, 'before'), join(scratch, 'during')];
    const lost = await writeImageLayout(before, '1.0', { layerBytes: layers(6), seed: 'before' });
    const missed = await writeImageLayout(during, '1.0', { layerBytes: layers(6), seed: 'during' });
    await push(cluster.registry('us'), 'team/survivor', '1.0', before);
    await cluster.kill('us');
    for (const region of others) {
      const pulled = await pull(cluster.registry(region), 'team/survivor', '1.0');
      expect(pulled.digest).toBe(lost.digest);
    }
    const pushed = await push(cluster.registry('eu'), 'team/survivor', '2.0', during);
    expect(cluster.output()).toContain('region us ended (SIGKILL)');

    await cluster.restart('us');
    await holdEverything(cluster, pushed);
    const moved = await bytesBetweenRegions(cluster);
    for (const [tag, { digest }] of [['1.0', lost] as const, ['2.0', missed] as const]) {
      await expect(pull(cluster.registry('us'), 'team/survivor', tag)).resolves.toMatchObject({ digest });
    }
    expect(await bytesBetweenRegions(cluster)).toBe(moved);
  });

  it('stops cleanly and finds everything again', async () => {
    const dir = join(scratch, 'kept');
    const { digest } = await writeImageLayout(dir, '1.0', { layerBytes: [5000], seed: 'kept' });
    await push(cluster.registry('ap'), 'team/kept', '1.0', dir);
    const code = await cluster.stop();
    expect(code).toBe(0);
    cluster = await startCluster({ dataDir: cluster.dataDir });
    for (const region of REGIONS) {
      await expect(pull(cluster.registry(region), 'team/kept', '1.0')).resolves.toMatchObject({ digest });
    }
  });
});

/** Sizes of small layers, each another. */
function layers(count: number): number[] {
  return Array.from({ length: count }, (_, i) => 1000 + i * 64 * 1024);
}

/** Waits until every region holds everything that was there with a push. */
async function holdEverything(cluster: TestCluster, { headers }: Answer): Promise<void> {
  const [, revision] = String(headers['meridian-revision']).split(':');
  for (const region of REGIONS) {
    const watermark = (): Promise<number> => cluster.metric(region, 'meridian_replication_watermark');
    await expect.poll(watermark, { timeout: 30_000, interval: 100 }).toBeGreaterThanOrEqual(Number(revision));
  }
}

async function bytesBetweenRegions(cluster: TestCluster): Promise<number> {
  const received = REGIONS.map((region) =>
    cluster.metric(region, 'meridian_peer_bytes_total', 'direction="received"'),
  );
  return (await Promise.all(received)).reduce((sum, bytes) => sum + bytes, 0);
}
