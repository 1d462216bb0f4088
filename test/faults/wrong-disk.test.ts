import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { digestOf } from '#libs/oci/digest.ts';
import { open, pull } from '#test/support/registry-client.ts';
import { eventually } from './support/eventually.ts';
import { startFaultCluster, type FaultCluster } from './support/fault-cluster.ts';
import { deleteBlobFile, flipBit, holdsBlob, wrongBlobFiles } from './support/region-files.ts';
import { makeSmallImage, pushSmallImage, type SmallImage } from './support/small-image.ts';

const REPOSITORY = 'team/wrong';
const LAYER_BYTES = 3_000_000;

describe('a disk that forgets or remembers wrongly', () => {
  let cluster: FaultCluster;
  beforeAll(async () => {
    cluster = await startFaultCluster({ etcd: 'coordinator' });
  });
  afterAll(() => cluster.dispose());

  /** An image that all regions hold. */
  const pushEverywhere = async (tag: string): Promise<{ image: SmallImage; layer: string }> => {
    const image = makeSmallImage(tag, [LAYER_BYTES]);
    await pushSmallImage([cluster.region('us').registry], REPOSITORY, tag, image);
    const layer = digestOf(image.blobs[1] ?? Buffer.alloc(0));
    for (const region of cluster.regions) {
      await pull(region.registry, REPOSITORY, tag);
      await eventually(async () => expect(await holdsBlob(region, layer)).toBe(true));
    }
    return { image, layer };
  };

  it.each([0, LAYER_BYTES / 2, LAYER_BYTES - 1])(
    'with byte %i of a layer flipped never gives wrong bytes to a client or to another region, and is healed',
    async (position) => {
      const { layer } = await pushEverywhere(`flipped-${position}`);
      const [us, ap] = [cluster.region('us'), cluster.region('ap')];
      await flipBit(us, layer, position);
      // us is nearest, so it is asked first.
      cluster.links.set('eu', 'ap', { delayMs: 20 });
      await deleteBlobFile(ap, layer);
      const got = await eventually(async () => {
        const read = await readAll(ap.registry, layer);
        if (read === 'broken off') throw new Error('The pull was broken off.');
        return read;
      });
      expect(got).toBe(layer);
      expect(await wrongBlobFiles(ap)).toEqual([]);

      expect([layer, 'broken off']).toContain(await readAll(us.registry, layer));
      await eventually(async () => expect(await readAll(us.registry, layer)).toBe(layer));
      await eventually(async () => expect(await wrongBlobFiles(us)).toEqual([]));
    },
  );

  it('without a layer’s file gets it from another region', async () => {
    const { image, layer } = await pushEverywhere('deleted');
    const us = cluster.region('us');
    await deleteBlobFile(us, layer);
    expect((await eventually(() => pull(us.registry, REPOSITORY, 'deleted'))).digest).toBe(image.digest);
    await eventually(async () => expect(await holdsBlob(us, layer)).toBe(true));
  });
});

/** The digest of what came, if that was as long as it should be. */
async function readAll(registry: string, digest: string): Promise<string> {
  const response = await open(registry, 'GET', `/v2/${REPOSITORY}/blobs/${digest}`);
  const hash = createHash('sha256');
  try {
    if (response.statusCode !== 200) throw new Error(`GET gives ${String(response.statusCode)}.`);
    for await (const chunk of response as AsyncIterable<Buffer>) hash.update(chunk);
  } catch {
    response.resume();
    return 'broken off';
  }
  return `sha256:${hash.digest('hex')}`;
}
