import { afterAll, beforeAll, expect, it } from 'vitest';
import { REGIONS, startCluster, type TestCluster } from '#test/support/cluster.ts';
import { image, pushContent, rootOf } from '#test/support/content.ts';
import { send } from '#test/support/registry-client.ts';

let cluster: TestCluster;
beforeAll(async () => {
  cluster = await startCluster({ env: { MERIDIAN_RETENTION_INTERVAL_MS: '50' } });
});
afterAll(() => cluster.dispose());

it('removes untagged manifests where a repository asks for it, in every region, and nowhere else', async () => {
  const [old, current] = [image('retention old'), image('retention current')];
  const statusOf = async (region: (typeof REGIONS)[number], repository: string, digest: string) =>
    (await send(cluster.registry(region), 'GET', `/v2/${repository}/manifests/${digest}`)).status;
  for (const repository of ['team/tidy', 'team/keeper']) {
    await pushContent(cluster.registry('us'), repository, old, '1.0');
    await pushContent(cluster.registry('us'), repository, current, '1.0');
  }
  const body = JSON.stringify({ untagged: { deleteAfterMs: 200 } });
  const path = '/meridian/v1/repositories/team/tidy/settings';
  expect((await send(cluster.registry('eu'), 'PATCH', path, { body })).status).toBe(200);
  for (const region of REGIONS) {
    await expect.poll(() => statusOf(region, 'team/tidy', rootOf(old).digest), { timeout: 30_000 }).toBe(404);
    expect(await statusOf(region, 'team/tidy', rootOf(current).digest)).toBe(200);
    expect(await statusOf(region, 'team/keeper', rootOf(old).digest)).toBe(200);
  }
  expect(cluster.output()).toContain('team/tidy  removed 1 manifests that nothing kept any longer');
});
