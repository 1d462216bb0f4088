import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { REGIONS, startCluster, type TestCluster } from '#test/support/cluster.ts';
import { collectNow, explain } from '#test/support/collection.ts';
import { OCI_MANIFEST } from '#libs/oci/mediatype.ts';
import {
  descriptor,
  image,
  piece,
  pushContent,
  rootOf,
  type Content,
  type Piece,
} from '#test/support/content.ts';
import { pull, send } from '#test/support/registry-client.ts';

const REPOSITORY = 'team/app';
const WAIT = { timeout: 30_000 };

describe('what nothing needs any more', () => {
  let cluster: TestCluster;
  const registry = (region: (typeof REGIONS)[number]): string => cluster.registry(region);

  beforeAll(async () => {
    const env = {
      MERIDIAN_COLLECT_GRACE_MS: '0',
      MERIDIAN_PIN_LIFETIME_MS: '500',
      MERIDIAN_COLLECT_INTERVAL_MS: '86400000',
    };
    cluster = await startCluster({ env });
  });
  afterAll(() => cluster.dispose());

  it('goes in every region once its image is deleted, while what another image names stays', async () => {
    const shared = image('shared');
    const [ours, theirs] = [withLayerOf(image('ours'), shared), withLayerOf(image('theirs'), shared)];
    await pushContent(registry('us'), REPOSITORY, ours, 'ours');
    await pushContent(registry('us'), REPOSITORY, theirs, 'theirs');
    for (const region of REGIONS) {
      await expect.poll(() => held(region, [...ours.blobs, ...theirs.blobs]), WAIT).toBe(true);
    }
    const deleted = await send(
      registry('eu'),
      'DELETE',
      `/v2/${REPOSITORY}/manifests/${rootOf(ours).digest}`,
    );
    expect(deleted.status).toBe(202);

    const common = new Set(theirs.blobs.map(({ digest }) => digest));
    const alone = ours.blobs.filter(({ digest }) => !common.has(digest));
    for (const region of REGIONS) {
      await expect
        .poll(async () => {
          const { failure } = await collectNow(registry('ap'), region);
          return failure ?? (await gone(region, [...alone, ...ours.manifests]));
        }, WAIT)
        .toBe(true);
      expect(await held(region, theirs.blobs)).toBe(true);
      await pull(registry(region), REPOSITORY, 'theirs');
      const path = `/v2/${REPOSITORY}/blobs/${alone[0]?.digest ?? ''}`;
      await expect.poll(async () => (await send(registry(region), 'GET', path)).status, WAIT).toBe(404);
    }
  });

  it('can be pushed again after it has gone', async () => {
    const content = image('again');
    await pushContent(registry('us'), 'team/again', content, '1.0');
    await send(registry('us'), 'DELETE', `/v2/team/again/manifests/${rootOf(content).digest}`);
    await expect
      .poll(async () => {
        await collectNow(registry('us'), 'us');
        return gone('us', [...content.blobs, ...content.manifests]);
      }, WAIT)
      .toBe(true);
    await pushContent(registry('us'), 'team/again', content, '1.0');
    for (const region of REGIONS) await pull(registry(region), 'team/again', '1.0');
  });

  it('is explained before: each blob with what keeps it, or when it goes', async () => {
    const content = image('explained');
    await pushContent(registry('us'), 'team/explained', content, '1.0');
    const [blob] = content.blobs;
    const [line] = await explain(registry('eu'), 'us', blob?.digest ?? '');
    expect(line).toMatchObject({
      kept: true,
      namedBy: [{ repository: 'team/explained', manifest: rootOf(content).digest }],
    });
    const all = await explain(registry('eu'), 'us');
    const digests = all.map(({ digest }) => digest);
    for (const { digest } of [...content.blobs, ...content.manifests]) expect(digests).toContain(digest);
  });

  it('is not asked of a region that does not exist', async () => {
    const answer = await send(registry('us'), 'GET', '/meridian/v1/regions/mars/collection');
    expect(answer.status).toBe(404);
    expect(answer.body.toString()).toContain('There is no region');
  });

  /** Whether the region itself holds all of them, as its own collection sees it. */
  async function held(region: (typeof REGIONS)[number], pieces: readonly Piece[]): Promise<boolean> {
    const digests = new Set(pieces.map(({ digest }) => digest));
    return (await explain(registry(region), region, ...digests)).length === digests.size;
  }

  async function gone(region: (typeof REGIONS)[number], pieces: readonly Piece[]): Promise<boolean> {
    const lines = await explain(registry(region), region, ...pieces.map(({ digest }) => digest));
    return lines.length === 0;
  }
});

/** The image with the first layer of another one besides its own. */
function withLayerOf({ blobs }: Content, other: Content): Content {
  const [config, ...layers] = blobs;
  const [, shared] = other.blobs;
  if (config === undefined || shared === undefined) throw new Error('An image has a config and layers.');
  const all = [shared, ...layers];
  const manifest = {
    schemaVersion: 2,
    mediaType: OCI_MANIFEST,
    config: descriptor(config),
    layers: all.map((layer) => descriptor(layer)),
  };
  return { blobs: [config, ...all], manifests: [piece(JSON.stringify(manifest), OCI_MANIFEST)] };
}
