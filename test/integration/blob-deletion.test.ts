import { createHash, randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { REGIONS, startCluster, type RegionName, type TestCluster } from '#test/support/cluster.ts';
import { pushBlob, send, type Answer } from '#test/support/registry-client.ts';

const soon = { timeout: 30_000, interval: 50 };

describe('a blob deleted in one of three regions', () => {
  let cluster: TestCluster;
  beforeAll(async () => {
    cluster = await startCluster();
  });
  afterAll(() => cluster.dispose());

  const ask = (region: RegionName, method: string, path: string): Promise<Answer> =>
    send(cluster.registry(region), method, path);
  const uploaded = async (repository: string, size: number): Promise<string> => {
    const bytes = randomBytes(size);
    const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
    await pushBlob(cluster.registry('us'), repository, digest, bytes);
    return `/v2/${repository}/blobs/${digest}`;
  };
  /** All regions, each asked with GET and HEAD. */
  const everywhere = async (path: string): Promise<number[]> => {
    const answers = REGIONS.flatMap((region) =>
      ['GET', 'HEAD'].map(async (method) => (await ask(region, method, path)).status),
    );
    return [...new Set(await Promise.all(answers))];
  };

  it('is gone from all of them, copies and cached decisions included', async () => {
    const path = await uploaded('team/copied', 100_000);
    for (let time = 0; time < 3; time++) expect(await everywhere(path)).toEqual([200]);
    expect((await ask('us', 'DELETE', path)).status).toBe(202);
    expect((await ask('us', 'GET', path)).status).toBe(404);
    await expect.poll(() => everywhere(path), soon).toEqual([404]);
    expect((await ask('eu', 'DELETE', path)).status).toBe(404);
  });

  it('does not come back with the copies that were under way', async () => {
    const paths = await Promise.all(
      Array.from({ length: 8 }, (_, i) => uploaded('team/under-way', 4_000_000 + i)),
    );
    const copied = await Promise.all(paths.map((path) => ask('us', 'DELETE', path)));
    expect(copied.map(({ status }) => status)).toEqual(paths.map(() => 202));
    // By now nothing is under way any more: each region holds what it was to copy, or never will.
    const quiet = async (): Promise<number> => cluster.metric('eu', 'meridian_peer_bytes_total');
    let before = -1;
    await expect
      .poll(
        async () => {
          const bytes = await quiet();
          const still = bytes === before;
          before = bytes;
          return still;
        },
        { timeout: 30_000, interval: 300 },
      )
      .toBe(true);
    for (const path of paths) expect(await everywhere(path)).toEqual([404]);
  });

  it('is refused while a region is lost, and done once that is back', async () => {
    const path = await uploaded('team/lost', 100_000);
    expect(await everywhere(path)).toEqual([200]);
    await cluster.kill('ap');
    const refused = await ask('us', 'DELETE', path);
    expect(refused.status).toBe(503);
    expect(refused.headers['retry-after']).toBeDefined();
    expect(refused.body.toString()).toContain('may still have it in ap');
    await cluster.restart('ap');
    const repeat = async (): Promise<number> => (await ask('us', 'DELETE', path)).status;
    // 202 by the attempt that reaches the region, or 404 where it had no pin.
    await expect.poll(repeat, soon).toBeOneOf([202, 404]);
    await expect.poll(() => everywhere(path), soon).toEqual([404]);
  });
});
