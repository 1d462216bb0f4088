import { access, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { REGIONS, startCluster, type RegionName, type TestCluster } from '#test/support/cluster.ts';
import {
  digestOf,
  image,
  pushBlob,
  pushContent,
  pushManifest,
  rootOf,
  type Piece,
} from '#test/support/content.ts';
import { blobPath, DAMAGES, loseBlob } from '#test/support/damage.ts';
import { getBlob, healNow } from '#test/support/healing.ts';
import { pull } from '#test/support/registry-client.ts';

const WAIT = { timeout: 60_000 };

describe.each([
  { how: 'all the time', env: { MERIDIAN_SCRUB_INTERVAL_MS: '500' } },
  { how: 'on demand', env: { MERIDIAN_SCRUB_BYTES_PER_SECOND: '0' } },
])('what no manifest names yet is healed $how', ({ how, env }) => {
  const isOnDemand = how === 'on demand';
  let cluster: TestCluster;
  const storage = (region: RegionName): string => join(cluster.dataDir, region, 'storage');
  beforeAll(async () => {
    cluster = await startCluster({ env });
  });
  afterAll(() => cluster.dispose());

  it('where it was uploaded and where it was copied to, and its push succeeds', async () => {
    const repository = 'pinned/damaged';
    const content = image(repository, { layers: 3 });
    const holders = await uploaded(repository, content.blobs);
    const { blobs, manifests } = image(`${repository}/before`);
    const named = [...blobs, ...manifests];
    for (const region of holders) {
      const ways = Object.values(DAMAGES);
      for (const [i, { digest }] of content.blobs.entries())
        await ways[i % ways.length]?.(storage(region), digest);
      if (isOnDemand) {
        expect(await healNow(cluster.registry('us'), region, 'verify', repository)).toMatchObject({
          ...{ total: named.length + content.blobs.length, damaged: content.blobs.length, missing: 0 },
          ...{ repaired: content.blobs.length, lost: 0 },
        });
      }
      for (const { digest } of content.blobs)
        await expect.poll(() => stored(region, digest), WAIT).toBe(digest);
    }
    await pushManifest(cluster.registry('us'), repository, rootOf(content), '1');
    for (const region of REGIONS) await pull(cluster.registry(region), repository, '1');
  }, 120_000);

  it('also where its file is gone, by a comparison', async () => {
    const repository = 'pinned/gone';
    const [blob] = image(repository).blobs as [Piece];
    const holders = await uploaded(repository, [blob]);
    for (const region of holders) {
      await loseBlob(storage(region), blob.digest);
      expect(await healNow(cluster.registry('us'), region, 'repair')).toMatchObject({
        ...{ damaged: 0, lost: 0 },
        // All the time, the region may come upon it by itself.
        ...(isOnDemand && { missing: 1, repaired: 1 }),
      });
      expect(await stored(region, blob.digest)).toBe(blob.digest);
    }
  });

  it('and told to be lost where no region has it whole', async () => {
    const repository = 'pinned/lost';
    const [blob] = image(repository).blobs as [Piece];
    const holders = await uploaded(repository, [blob]);
    for (const region of holders) await DAMAGES['with a flipped bit'](storage(region), blob.digest);
    if (isOnDemand) {
      for (const region of holders) await healNow(cluster.registry('us'), region, 'verify', repository);
      expect(await healNow(cluster.registry('us'), 'us', 'verify', repository)).toMatchObject({
        lost: 1,
        digests: { lost: [blob.digest] },
      });
    }
    await expect.poll(() => cluster.output(), WAIT).toContain('no region that answers has it');
    expect(await getBlob(cluster.registry('us'), repository, blob)).not.toBe('whole');
    // Whoever pushes again brings it back.
    await pushBlob(cluster.registry('us'), repository, blob);
    expect(await getBlob(cluster.registry('us'), repository, blob)).toBe('whole');
  });

  /** Uploads blobs to a repository that there is, through us; gives the regions that have them: it, and those that it told. */
  async function uploaded(repository: string, blobs: readonly Piece[]): Promise<RegionName[]> {
    await pushContent(cluster.registry('us'), repository, image(`${repository}/before`), 'before');
    for (const blob of blobs) await pushBlob(cluster.registry('us'), repository, blob);
    const holders = async (): Promise<RegionName[]> => {
      const found = await Promise.all(
        REGIONS.map(async (region) => {
          const held = await Promise.all(blobs.map(({ digest }) => isStored(region, digest)));
          return held.every(Boolean) ? [region] : [];
        }),
      );
      return found.flat();
    };
    await expect.poll(holders, WAIT).toHaveLength(2);
    return holders();
  }

  function isStored(region: RegionName, digest: string): Promise<boolean> {
    return access(blobPath(storage(region), digest)).then(
      () => true,
      () => false,
    );
  }

  /** The digest of what the region's disk has. */
  function stored(region: RegionName, digest: string): Promise<string> {
    return readFile(blobPath(storage(region), digest)).then(
      (bytes) => digestOf(bytes),
      () => 'nothing',
    );
  }
});
