import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { digestOf } from '#libs/oci/digest.ts';
import { pushBlob, send, type Answer } from '#test/support/registry-client.ts';
import { eventually } from './support/eventually.ts';
import { startFaultCluster, type FaultCluster } from './support/fault-cluster.ts';
import { holdsBlob } from './support/region-files.ts';
import { makeSmallImage, putManifest, pushSmallImage, type SmallImage } from './support/small-image.ts';

const MAX_TEST_MS = 120_000;
const HOLD_TIMEOUT_MS = 4_000;

describe('a push is acknowledged when as many regions hold it as its repository asks', () => {
  let cluster: FaultCluster;
  beforeAll(async () => {
    cluster = await startFaultCluster({
      etcd: 'coordinator',
      env: { MERIDIAN_HOLD_TIMEOUT_MS: String(HOLD_TIMEOUT_MS) },
    });
  });
  afterAll(() => cluster.dispose());

  const registry = (region: string): string => cluster.region(region).registry;
  const configure = async (repository: string, durability: unknown): Promise<void> => {
    const path = `/meridian/v1/repositories/${repository}/settings`;
    const answer = await send(registry('us'), 'PATCH', path, { body: JSON.stringify({ durability }) });
    expect(answer.status).toBe(200);
  };
  const holders = async ({ digest, blobs }: SmallImage): Promise<string[]> => {
    const digests = [digest, ...blobs.map((bytes) => digestOf(bytes))];
    const holding = cluster.regions.map(async (region) => {
      const held = await Promise.all(digests.map((blob) => holdsBlob(region, blob)));
      return held.every(Boolean) ? [region.name] : [];
    });
    return (await Promise.all(holding)).flat();
  };
  const ask = (region: string, repository: string, query: string): Promise<Answer> =>
    send(registry(region), 'GET', `/meridian/v1/repositories/${repository}/durability?${query}`);

  it.each([
    ['local', 1],
    [1, 1],
    [2, 2],
    ['quorum', 2],
    [3, 3],
    ['all', 3],
  ])(
    'durability %s: the answer names as many regions, and these hold all of it',
    async (durability, count) => {
      const repository = `team/durability-${durability}`;
      await configure(repository, durability);
      const image = makeSmallImage(repository, [300_000, 5_000]);
      const answer = await pushSmallImage([registry('us')], repository, '1.0', image);
      const named = String(answer.headers['meridian-durable-regions']).split(',');
      expect(named).toHaveLength(count);
      expect(await holders(image)).toEqual(expect.arrayContaining(named));
      expect((await ask('ap', repository, 'reference=1.0')).status).toBe(200);
    },
  );

  it(
    'durability all with a region down: 503 that names it, and repeating succeeds when it is back',
    async () => {
      const repository = 'team/all-but-one';
      await configure(repository, 'all');
      await cluster.region('ap').kill();
      const image = makeSmallImage(repository, [200_000]);
      for (const blob of image.blobs) await pushBlob(registry('us'), repository, digestOf(blob), blob);
      const refused = await putManifest(registry('us'), repository, '1.0', image.manifest);
      expect([refused.status, refused.headers['retry-after']]).toEqual([503, '5']);
      expect(JSON.parse(refused.body.toString())).toMatchObject({
        errors: [{ code: 'UNAVAILABLE', detail: { wanted: 3, missing: ['ap'] } }],
      });
      expect((await send(registry('eu'), 'GET', `/v2/${repository}/manifests/1.0`)).status).toBe(404);

      await cluster.region('ap').start();
      await eventually(async () => {
        const again = await putManifest(registry('us'), repository, '1.0', image.manifest);
        expect([again.status, again.headers['meridian-durable-regions']]).toEqual([201, 'ap,eu,us']);
      });
      expect(await holders(image)).toEqual(['us', 'eu', 'ap']);
    },
    MAX_TEST_MS,
  );

  it(
    'a deployment waits until a region has what it deploys, however long that region was stopped',
    async () => {
      const repository = 'team/deployed';
      await configure(repository, 'local');
      cluster.region('eu').pause();
      const image = makeSmallImage(repository, [400_000, 20_000]);
      await pushSmallImage([registry('us')], repository, '1.0', image);

      const ended = await ask('us', repository, 'reference=1.0&region=us&region=eu&wait=1s');
      expect(ended.status).toBe(503);
      expect(JSON.parse(ended.body.toString())).toMatchObject({
        errors: [
          {
            detail: {
              regions: [
                { region: 'us', durable: true },
                { region: 'eu', durable: false },
              ],
            },
          },
        ],
      });

      const waiting = ask('us', repository, 'reference=1.0&region=eu&wait=1m');
      cluster.region('eu').resume();
      const answer = await waiting;
      expect([answer.status, answer.body.toString()]).toEqual([200, expect.stringContaining(image.digest)]);
      expect(await holders(image)).toContain('eu');
    },
    MAX_TEST_MS,
  );

  it('a deployment may wait before the tag is pushed, at any region', async () => {
    const repository = 'team/early';
    const waiting = ask('eu', repository, 'reference=1.0&region=eu&region=ap&wait=1m');
    const image = makeSmallImage(repository, [50_000]);
    await pushSmallImage([registry('us')], repository, '1.0', image);
    expect((await waiting).status).toBe(200);
    expect(await holders(image)).toEqual(expect.arrayContaining(['eu', 'ap']));
  });
});
