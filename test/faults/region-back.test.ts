import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { digestOf } from '#libs/oci/digest.ts';
import { pull } from '#test/support/registry-client.ts';
import { startFaultCluster, type FaultCluster } from './support/fault-cluster.ts';
import { holdsBlob } from './support/region-files.ts';
import { makeSmallImage, pushSmallImage } from './support/small-image.ts';

const REPOSITORY = 'team/back';

describe('a push that needs a region which is away', () => {
  let cluster: FaultCluster;
  beforeAll(async () => {
    cluster = await startFaultCluster({ etcd: 'coordinator', regions: ['us', 'eu'] });
  });
  afterAll(() => cluster.dispose());

  it('waits, and is acknowledged when the region comes back in time', async () => {
    const [us, eu] = [cluster.region('us'), cluster.region('eu')];
    await eu.kill();
    const images = ['while it seems to be there', 'when it is known to be lost'].map((name) =>
      makeSmallImage(name, [50_000]),
    );
    const acknowledged: number[] = [];
    const push = async (i: number): Promise<void> => {
      const image = images[i];
      if (image === undefined) throw new Error(`There is no image ${i}.`);
      const { headers } = await pushSmallImage([us.registry], REPOSITORY, `t${i}`, image);
      expect(headers['meridian-durable-regions']).toBe('eu,us');
      acknowledged.push(i);
    };
    const first = push(0);
    first.catch(() => undefined);
    await vi.waitFor(() => expect(us.log()).toContain('region-lost'), { timeout: 30_000 });
    const second = push(1);
    second.catch(() => undefined);
    expect(acknowledged).toEqual([]);

    await eu.start();
    const startedAt = performance.now();
    await Promise.all([first, second]);
    console.info(`Acknowledged ${Math.round(performance.now() - startedAt)} ms after the region was back.`);
    for (const [i, image] of images.entries()) {
      for (const bytes of image.blobs) expect(await holdsBlob(eu, digestOf(bytes))).toBe(true);
      expect((await pull(eu.registry, REPOSITORY, `t${i}`)).digest).toBe(image.digest);
    }
  });
});
