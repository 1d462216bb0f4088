import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeImageLayout } from '#test/support/oci-layout.ts';
import { startRegionsElsewhere, type RegionsElsewhere } from '#test/support/regions-elsewhere.ts';
import { pull, push, send } from '#test/support/registry-client.ts';
import { SERVICES } from '#test/support/separate-region.ts';

const soon = { timeout: 60_000, interval: 100 };

describe('while etcd is away', () => {
  let cluster: RegionsElsewhere;
  let digest: string;

  beforeAll(async () => {
    cluster = await startRegionsElsewhere({ secured: false });
    const dir = join(cluster.scratch, 'image');
    ({ digest } = await writeImageLayout(dir, '1.0', { layerBytes: [300_000], seed: 'quorum' }));
    await push(cluster.registries.us, 'team/app', '1.0', dir);
    await Promise.all(Object.values(cluster.registries).map((registry) => pull(registry, 'team/app', '1.0')));
    await cluster.coordinator.kill();
  });
  afterAll(() => cluster.stop());

  it.each([
    ['storage alone', ['storage']],
    ['replication alone', ['replication']],
    ['the front end alone', ['frontend']],
    ['the whole region', SERVICES],
  ] as const)('%s can be restarted, and the region serves pulls', async (_name, services) => {
    const { us } = cluster;
    for (const service of services.toReversed()) await us.process(service).kill();
    for (const service of services) await us.start(service);
    await expect(pull(us.registry, 'team/app', '1.0')).resolves.toMatchObject({ digest });
    const byItself = async (): Promise<boolean> => {
      const list = await send(us.registry, 'GET', '/v2/team/app/tags/list');
      return list.status === 200 && list.headers['meridian-served-by'] === undefined;
    };
    await expect.poll(byItself, soon).toBe(true);
    await expect(pull(us.registry, 'team/app', digest)).resolves.toMatchObject({ digest });
  });

  it('everything is as ever once etcd is back, without a restart', async () => {
    await cluster.coordinator.start();
    const written = async (): Promise<number> => {
      const manifest = await send(cluster.registries.us, 'GET', `/v2/team/app/manifests/${digest}`);
      const headers = { 'content-type': String(manifest.headers['content-type']) };
      const body = manifest.body;
      return (await send(cluster.registries.us, 'PUT', '/v2/team/app/manifests/2.0', { headers, body }))
        .status;
    };
    await expect.poll(written, soon).toBe(201);
    for (const registry of Object.values(cluster.registries)) {
      await expect(pull(registry, 'team/app', '2.0')).resolves.toMatchObject({ digest });
    }
  });
});
