import { join } from 'node:path';
import { stat } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { OCI_LAYER, OCI_MANIFEST } from '#libs/oci/mediatype.ts';
import { REGIONS, startCluster, type RegionName, type TestCluster } from '#test/support/cluster.ts';
import { DAMAGES, blobPath, loseBlob, quarantinePath } from '#test/support/damage.ts';
import {
  descriptor,
  image,
  piece,
  pushContent,
  rootOf,
  seededBlob,
  type Content,
  type Piece,
} from '#test/support/content.ts';
import { getBlob, healNow, startHealing, toldHealing } from '#test/support/healing.ts';
import { pull, send } from '#test/support/registry-client.ts';

const WAIT = { timeout: 30_000 };
/** Regions that all lack a blob may wait for each other's copies, until these stall. */
const UNTIL_LOST = { timeout: 90_000 };
/** Above what front ends hold in memory. */
const LAYER_BYTES = 300_000;
/** Above what they read of a file at once. */
const LARGE_LAYER_BYTES = 3_000_000;

describe('what a region has lost', () => {
  let cluster: TestCluster;
  const registry = (region: RegionName): string => cluster.registry(region);
  const storage = (region: RegionName): string => join(cluster.dataDir, region, 'storage');

  beforeAll(async () => {
    // Nothing is found but what is looked for.
    cluster = await startCluster({
      env: { MERIDIAN_SCRUB_BYTES_PER_SECOND: '0', MERIDIAN_VERIFY_BYTES_PER_SECOND: '4000000' },
    });
  });
  afterAll(() => cluster.dispose());

  it('is found by a verification, put into quarantine and replaced from another region, while pulls get nothing wrong', async () => {
    const { repository, layers, root } = await pushed('team/verified', 4);
    const [flipped, short, unreadable, gone] = layers as [Piece, Piece, Piece, Piece];
    await DAMAGES['with a flipped bit'](storage('eu'), flipped.digest);
    await DAMAGES['cut short'](storage('eu'), short.digest);
    await DAMAGES.unreadable(storage('eu'), unreadable.digest);
    await loseBlob(storage('eu'), gone.digest);

    const verifying = healNow(registry('us'), 'eu', 'verify');
    const outcomes = await Promise.all(layers.map((layer) => getBlob(registry('eu'), repository, layer)));
    for (const outcome of outcomes) expect(['whole', 'cut off', 'refused 503']).toContain(outcome);
    const report = await verifying;

    expect(report).toMatchObject({ region: 'eu', running: false, lost: 0 });
    expect(report).not.toHaveProperty('failure');
    for (const layer of layers) await stat(blobPath(storage('eu'), layer.digest));
    for (const { digest } of [flipped, short, unreadable]) await stat(quarantinePath(storage('eu'), digest));
    for (const layer of layers) expect(await getBlob(registry('eu'), repository, layer)).toBe('whole');
    expect((await pull(registry('eu'), repository, '1.0')).digest).toBe(root);
    expect(await healNow(registry('us'), 'eu', 'verify')).toMatchObject({ damaged: 0, missing: 0 });
    await expect.poll(() => cluster.output(), WAIT).toMatch(/eu\s+healed/);
    expect(await cluster.metric('eu', 'meridian_healed_blobs_total')).toBeGreaterThanOrEqual(3);
  });

  it('is told of by a verification of one repository, digest by digest', async () => {
    const { repository, layers } = await pushed('team/alone', 3);
    const other = await pushed('team/other', 1);
    const [flipped, gone] = layers as [Piece, Piece, Piece];
    await DAMAGES['with a flipped bit'](storage('ap'), flipped.digest);
    await loseBlob(storage('ap'), gone.digest);
    for (const { digest } of other.layers) await DAMAGES['with a flipped bit'](storage('ap'), digest);

    const report = await healNow(registry('us'), 'ap', 'verify', repository);
    expect(report).toMatchObject({ repository, total: 5, damaged: 1, lost: 0 });
    // The region may have come upon the missing one by itself.
    expect(report.repaired).toBe(1 + report.missing);
    expect([gone.digest]).toEqual(expect.arrayContaining(report.digests.missing));
    expect(report.checked).toBeGreaterThanOrEqual(4);
    expect(report.digests).toMatchObject({ damaged: [flipped.digest], lost: [] });
    expect(await toldHealing(registry('eu'), 'ap', 'verify')).toEqual(report);
    for (const layer of layers) expect(await getBlob(registry('ap'), repository, layer)).toBe('whole');
    expect(await healNow(registry('us'), 'ap', 'verify')).toMatchObject({ damaged: 1, repaired: 1 });
  });

  it('is replaced when a pull comes upon it, which is answered with the whole blob', async () => {
    const { repository, layers } = await pushed('team/pulled', 4);
    const [flipped, short, unreadable, gone] = layers as [Piece, Piece, Piece, Piece];
    await DAMAGES['with a flipped bit'](storage('eu'), flipped.digest);
    await DAMAGES['cut short'](storage('eu'), short.digest);
    await DAMAGES.unreadable(storage('eu'), unreadable.digest);
    await loseBlob(storage('eu'), gone.digest);
    // Many at once: the first to find out puts it out of the way of the others.
    const pulls = layers.flatMap((layer) => [layer, layer, layer, layer]);
    const outcomes = await Promise.all(pulls.map((layer) => getBlob(registry('eu'), repository, layer)));
    expect(new Set(outcomes)).toEqual(new Set(['whole']));
    await stat(quarantinePath(storage('eu'), flipped.digest));
  });

  it('breaks off a pull whose first bytes have left, and is replaced for the next one', async () => {
    const { repository, layers } = await pushed('team/large', 1, LARGE_LAYER_BYTES);
    const [large] = layers as [Piece];
    await DAMAGES['with a flipped bit'](storage('eu'), large.digest);
    expect(await getBlob(registry('eu'), repository, large)).toBe('cut off');
    await expect.poll(() => getBlob(registry('eu'), repository, large), WAIT).toBe('whole');
    await stat(quarantinePath(storage('eu'), large.digest));
  });

  it('comes back by a repair, which re-hashes nothing', async () => {
    const { repository, layers } = await pushed('team/repaired', 3);
    const [gone, short] = layers as [Piece, Piece, Piece];
    await loseBlob(storage('us'), gone.digest);
    await DAMAGES['cut short'](storage('us'), short.digest);
    const report = await healNow(registry('ap'), 'us', 'repair', repository);
    expect(report).toMatchObject({ total: 5, checked: 5, lost: 0 });
    expect(report.repaired).toBe(report.missing + report.damaged);
    for (const { digest } of layers) await stat(blobPath(storage('us'), digest));
  });

  it('is healed from the third region where two have it damaged', async () => {
    const { repository, layers } = await pushed('team/twice', 1);
    const [layer] = layers as [Piece];
    for (const region of ['us', 'eu'] as const) {
      await DAMAGES['with a flipped bit'](storage(region), layer.digest);
    }
    expect(await healNow(registry('us'), 'us', 'verify', repository)).toMatchObject({
      damaged: 1,
      repaired: 1,
      lost: 0,
    });
    // The one that sent wrong bytes, if it was asked, has been told; otherwise its own verification finds it.
    await healNow(registry('us'), 'eu', 'verify', repository);
    for (const region of REGIONS) {
      await expect.poll(() => getBlob(registry(region), repository, layer), WAIT).toBe('whole');
    }
  });

  it('is reported lost, and never sent, where no region has it whole', async () => {
    const { repository, layers } = await pushed('team/lost', 1);
    const [layer] = layers as [Piece];
    for (const region of REGIONS) await DAMAGES['with a flipped bit'](storage(region), layer.digest);
    for (const region of REGIONS) {
      expect(await getBlob(registry(region), repository, layer)).not.toBe('whole');
      await expect
        .poll(() => healNow(registry('us'), region, 'verify', repository), UNTIL_LOST)
        .toMatchObject({ lost: 1, digests: { lost: [layer.digest] } });
    }
    for (const region of REGIONS) {
      const path = `/v2/${repository}/blobs/${layer.digest}`;
      await expect.poll(async () => (await send(registry(region), 'GET', path)).status, UNTIL_LOST).toBe(503);
      const answer = await send(registry(region), 'GET', path);
      expect(answer.body.toString()).toContain("can't be read at the moment");
      expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0);
      expect(answer.headers).not.toHaveProperty('cache-control');
    }
    await expect.poll(() => cluster.output(), UNTIL_LOST).toContain('no region that answers has it');
  }, 300_000);

  it('is found after a kill in the middle of a verification, and nothing else is lost by it', async () => {
    const { repository, layers, root } = await pushed('team/killed', 20);
    const last = layers.at(-1) ?? layers[0];
    if (last === undefined) throw new Error('There are layers.');
    await DAMAGES['with a flipped bit'](storage('ap'), last.digest);
    const { total } = await startHealing(registry('us'), 'ap', 'verify', repository);
    await expect
      .poll(async () => (await toldHealing(registry('ap'), 'ap', 'verify')).checked, {
        ...WAIT,
        interval: 10,
      })
      .toBeGreaterThan(0);
    await cluster.kill('ap');
    await cluster.restart('ap');
    const report = await healNow(registry('ap'), 'ap', 'verify', repository);
    expect(report).toMatchObject({ lost: 0, total: Math.max(total, 22) });
    for (const layer of layers) {
      await expect.poll(() => getBlob(registry('ap'), repository, layer), WAIT).toBe('whole');
    }
    expect((await pull(registry('ap'), repository, '1.0')).digest).toBe(root);
  });

  it('is not asked of regions, repositories or in words that do not exist', async () => {
    const at = (region: string): string => `/meridian/v1/regions/${region}/verify`;
    expect((await send(registry('us'), 'GET', at('mars'))).status).toBe(404);
    const unknown = await send(registry('us'), 'POST', at('eu'), { body: '{"repository": "no/such"}' });
    expect(unknown.status).toBe(404);
    expect(unknown.body.toString()).toContain('There is no repository');
    expect((await send(registry('us'), 'POST', at('eu'), { body: '{"all": true}' })).status).toBe(400);
  });

  it('is answered 503, with a sentence and when to come back, while no other region answers', async () => {
    const { repository, layers } = await pushed('team/alone-at-last', 1);
    const [flipped] = layers as [Piece];
    await DAMAGES['with a flipped bit'](storage('us'), flipped.digest);
    for (const region of ['eu', 'ap'] as const) await cluster.kill(region);
    const answer = await send(registry('us'), 'GET', `/v2/${repository}/blobs/${flipped.digest}`);
    expect(answer.status).toBe(503);
    expect(answer.body.toString()).toMatch(/could not give it.*Try again/);
    expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0);
    expect(answer.headers).not.toHaveProperty('cache-control');
    for (const region of ['eu', 'ap'] as const) await cluster.restart(region);
    await expect.poll(() => getBlob(registry('us'), repository, flipped), WAIT).toBe('whole');
  }, 120_000);

  /** An image of that many layers that every region holds. */
  async function pushed(
    repository: string,
    count: number,
    layerBytes = LAYER_BYTES,
  ): Promise<{ repository: string; layers: Piece[]; root: string }> {
    const layers = Array.from({ length: count }, (_, i) =>
      piece(seededBlob(`${repository}/${i}`, layerBytes), OCI_LAYER),
    );
    const content = withLayers(image(repository), layers);
    await pushContent(registry('us'), repository, content, '1.0');
    const all = [...content.blobs, ...content.manifests];
    for (const region of REGIONS) {
      const sizes = (): Promise<number[]> =>
        Promise.all(all.map(async ({ digest }) => (await stat(blobPath(storage(region), digest))).size));
      await expect.poll(() => sizes().catch(() => []), WAIT).toHaveLength(all.length);
    }
    return { repository, layers, root: rootOf(content).digest };
  }
});

function withLayers({ blobs }: Content, layers: readonly Piece[]): Content {
  const [config] = blobs;
  if (config === undefined) throw new Error('An image has a config.');
  const manifest = {
    schemaVersion: 2,
    mediaType: OCI_MANIFEST,
    config: descriptor(config),
    layers: layers.map((layer) => descriptor(layer)),
  };
  return { blobs: [config, ...layers], manifests: [piece(JSON.stringify(manifest), OCI_MANIFEST)] };
}
