import { createHash } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { digestOf } from '#libs/oci/digest.ts';
import { open } from '#test/support/registry-client.ts';
import { seededRandom } from '#test/support/seeded-random.ts';
import { readBudget } from './support/budget.ts';
import { eventually } from './support/eventually.ts';
import { startFaultCluster, type FaultCluster } from './support/fault-cluster.ts';
import { holdsBlob } from './support/region-files.ts';
import { makeSmallImage, pushSmallImage, type SmallImage } from './support/small-image.ts';

const { seed, whole } = readBudget();
const MEGABYTE = 1024 * 1024;
const LAYER_BYTES = 12 * MEGABYTE;
const REPOSITORY = 'team/source';
const STALL_MS = 1_000;

/** What becomes of the region that the bytes come from. */
const LOSSES: Record<string, (cluster: FaultCluster) => Promise<void> | void> = {
  'is killed': (cluster) => cluster.region('us').kill(),
  hangs: (cluster) => cluster.region('us').pause(),
  'is cut off': (cluster) => cluster.isolate('us', 'held'),
  'is cut off in one direction': ({ links }) => links.link('us', 'ap').set({ flow: 'held' }),
  'breaks the connection': ({ links }) => links.set('us', 'ap', { flow: 'broken' }),
};

function selected(): string[] {
  const names = Object.keys(LOSSES);
  return whole ? names : names.splice(Math.floor(seededRandom(seed)() * names.length), 1);
}

describe(`content is there before its copy is: a pull whose source (seed ${seed})`, () => {
  let cluster: FaultCluster;
  beforeAll(async () => {
    cluster = await startFaultCluster({
      etcd: 'coordinator',
      env: { MERIDIAN_STALL_TIMEOUT_MS: String(STALL_MS) },
    });
  });
  beforeEach(async () => {
    await cluster.heal();
    // us is nearer to ap than eu is, and both are slow enough to be lost in between.
    cluster.links.set('us', 'ap', { delayMs: 5, bytesPerSecond: 6 * MEGABYTE });
    cluster.links.set('eu', 'ap', { delayMs: 40, bytesPerSecond: 6 * MEGABYTE });
  });
  afterAll(() => cluster.dispose());

  it.each(selected())('%s midway goes on from another region', async (loss) => {
    const image = makeSmallImage(loss, [LAYER_BYTES]);
    const tag = loss.replaceAll(' ', '-');
    for (const other of ['us', 'eu']) cluster.links.set('ap', other, { flow: 'held' });
    await eventually(() => pushSmallImage([cluster.region('us').registry], REPOSITORY, tag, image));
    const layer = digestOf(image.blobs[1] ?? Buffer.alloc(0));
    expect(await holdsBlob(cluster.region('eu'), layer)).toBe(true);
    expect(await holdsBlob(cluster.region('ap'), layer)).toBe(false);

    const before = received(cluster);
    for (const other of ['us', 'eu']) cluster.links.set('ap', other, { flow: 'open' });
    let lost = false;
    const pulled = await pullWatched(cluster.region('ap').registry, image, layer, async (bytes) => {
      if (lost || bytes < LAYER_BYTES / 4) return;
      lost = true;
      await LOSSES[loss]?.(cluster);
    });
    expect(pulled).toBe(layer);
    expect(lost).toBe(true);
    const moved = received(cluster) - before;
    expect(moved).toBeLessThan(1.5 * LAYER_BYTES);
    await eventually(async () => expect(await holdsBlob(cluster.region('ap'), layer)).toBe(true));
    console.info(
      `The source ${loss}: ${(moved / LAYER_BYTES).toFixed(2)} times the blob came over the links.`,
    );
  });
});

/** Bytes that ap has got from other regions. */
function received({ links }: FaultCluster): number {
  return links.link('us', 'ap').bytes + links.link('eu', 'ap').bytes;
}

/** Reads the layer to its end, telling how far it is; gives the digest of what came. */
async function pullWatched(
  registry: string,
  image: SmallImage,
  layer: string,
  onBytes: (bytes: number) => Promise<void>,
): Promise<string> {
  const response = await eventually(async () => {
    const asked = await open(registry, 'GET', `/v2/${REPOSITORY}/blobs/${layer}`);
    if (asked.statusCode === 200) return asked;
    asked.resume();
    throw new Error(`GET gives ${String(asked.statusCode)}.`);
  });
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    hash.update(chunk);
    bytes += chunk.length;
    await onBytes(bytes);
  }
  expect(bytes).toBe(image.blobs[1]?.length);
  return `sha256:${hash.digest('hex')}`;
}
