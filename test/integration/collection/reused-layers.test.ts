import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { OCI_CONFIG, OCI_LAYER_GZIP, OCI_MANIFEST } from '#libs/oci/mediatype.ts';
import { REGIONS, startCluster, type RegionName, type TestCluster } from '#test/support/cluster.ts';
import { descriptor, piece, putManifest, seededBlob, type Piece } from '#test/support/content.ts';
import { pull, pushBlob, send } from '#test/support/registry-client.ts';
import { seededRandom } from '#test/support/seeded-random.ts';

const REPOSITORY = 'team/app';
const ROUNDS = 15;
const POOL = 12;
/** A layer has gone, or deletions and collections came between again and again. */
const REFUSED = [404, 409, 503];
/** What a client of today does when a layer that it was told of is gone. */
const ATTEMPTS = 5;

describe('pushes that re-use old layers, through all regions, while every region collects without a pause', () => {
  let cluster: TestCluster;

  beforeAll(async () => {
    const env = {
      MERIDIAN_COLLECT_GRACE_MS: '0',
      MERIDIAN_PIN_LIFETIME_MS: '800',
      MERIDIAN_COLLECT_INTERVAL_MS: '20',
    };
    cluster = await startCluster({ env });
  });
  afterAll(() => cluster.dispose());

  it('lose nothing that was acknowledged', async () => {
    const pool = Array.from({ length: POOL }, (_, i) =>
      piece(seededBlob(`layer ${i}`, 2000 + i), OCI_LAYER_GZIP),
    );
    /** Manifests that were acknowledged and not deleted since. */
    const standing = new Map<string, string>();
    const writer = async (region: RegionName, seed: number): Promise<void> => {
      const random = seededRandom(seed);
      const mine: string[] = [];
      for (let round = 0; round < ROUNDS; round++) {
        const layers = pool.filter(() => random() < 0.25);
        const pushed = await pushReusing(cluster.registry(region), `${region}-${round}`, layers);
        if (pushed === undefined) continue;
        standing.set(pushed, `${region}-${round}`);
        mine.push(pushed);
        if (random() < 0.7) {
          const [oldest = ''] = mine.splice(Math.floor(random() * mine.length), 1);
          standing.delete(oldest);
          const path = `/v2/${REPOSITORY}/manifests/${oldest}`;
          const { status } = await send(cluster.registry(region), 'DELETE', path);
          expect(status).toBe(202);
        }
      }
    };
    await Promise.all(REGIONS.map((region, index) => writer(region, 100 + index)));

    expect(standing.size).toBeGreaterThan(5);
    for (const region of REGIONS) {
      for (const digest of standing.keys()) await pull(cluster.registry(region), REPOSITORY, digest);
    }
    const removed = REGIONS.map(removedIn);
    expect(Math.min(...removed)).toBeGreaterThan(0);
  });

  /** How many collections of the region removed something; the launcher prints a line each time. */
  function removedIn(region: RegionName): number {
    const lines = cluster.output().split('\n');
    return lines.filter((line) => line.includes(`${region} `) && line.includes('collect ')).length;
  }
});

/**
 * Asks for each layer and uploads only what is missing, and again where one was gone before the manifest came. Undefined where that went on:
 * pins last for less than a push may take on a busy machine.
 */
async function pushReusing(
  registry: string,
  name: string,
  layers: readonly Piece[],
): Promise<string | undefined> {
  const config = piece(JSON.stringify({ name }), OCI_CONFIG);
  const manifest = piece(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: OCI_MANIFEST,
      config: descriptor(config),
      layers: layers.map((layer) => descriptor(layer)),
    }),
    OCI_MANIFEST,
  );
  for (let attempt = 1; ; attempt++) {
    for (const { digest, bytes } of [config, ...layers]) await pushBlob(registry, REPOSITORY, digest, bytes);
    const { status, body } = await putManifest(registry, REPOSITORY, manifest, manifest.digest);
    if (status === 201) return manifest.digest;
    if (!REFUSED.includes(status)) throw new Error(`${name}: ${status} ${body.toString()}`);
    if (attempt === ATTEMPTS) return undefined;
  }
}
