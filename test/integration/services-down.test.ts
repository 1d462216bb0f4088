import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeImageLayout } from '#test/support/oci-layout.ts';
import { freePorts } from '#test/support/ports.ts';
import { pull, push, send, type Answer } from '#test/support/registry-client.ts';
import { requestsWithout, type RequestWithout } from '#test/support/requests-without.ts';
import { startSeparateRegion, type SeparateRegion } from '#test/support/separate-region.ts';
import { startService, type ServiceProcess } from '#test/support/service-process.ts';

const soon = { timeout: 30_000, interval: 50 };
let scratch: string;
let coordinator: ServiceProcess;
let startCoordinator: () => Promise<ServiceProcess>;
let us: SeparateRegion;
/** Pushed through another front end's caches than those that are asked: its front end starts anew each time. */
let image: { readonly digest: string; readonly layer: string; readonly bytes: Buffer };

beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'meridian-down-'));
  const [etcdPort = 0, peerPort = 0] = await freePorts(2);
  startCoordinator = () =>
    startService('coordinator/main.ts', {
      MERIDIAN_LISTEN: `127.0.0.1:${etcdPort}`,
      MERIDIAN_DATA_DIR: join(scratch, 'coordinator'),
    });
  coordinator = await startCoordinator();
  us = await startSeparateRegion({
    ...{ region: 'us', dataDir: join(scratch, 'us'), peerPort, tls: undefined },
    regions: `us=127.0.0.1:${peerPort}`,
    etcd: `http://127.0.0.1:${etcdPort}`,
  });
  const dir = join(scratch, 'image');
  await writeImageLayout(dir, '1.0', { layerBytes: [100_000], seed: 'down' });
  await push(us.registry, 'team/app', '1.0', dir);
  const pulled = await send(us.registry, 'GET', '/v2/team/app/manifests/1.0');
  const { layers } = JSON.parse(pulled.body.toString()) as { layers: { digest: string }[] };
  const [layer] = layers;
  image = {
    digest: String(pulled.headers['docker-content-digest']),
    layer: layer?.digest ?? '',
    bytes: pulled.body,
  };
});
afterAll(async () => {
  await us.stop();
  await coordinator.stop();
  await rm(scratch, { recursive: true, force: true });
});

describe.each(['storage', 'replication', 'coordinator'] as const)(
  'without its %s and without another region',
  (down) => {
    it('a front end answers 503 to what it cannot know, on every route, and never 500', async () => {
      // Without the caches of what was asked before.
      await us.process('frontend').stop();
      if (down === 'coordinator') await coordinator.kill();
      else await us.process(down).kill();
      await us.start('frontend');
      const answers = await Promise.all(
        requestsWithout(image).map(async (row): Promise<[RequestWithout, Answer]> => [
          row,
          await send(us.registry, row.method, row.path, row.sent),
        ]),
      );
      const statuses = answers.map(([{ method, path }, { status, body }]) => [
        method,
        path,
        status,
        status === 500 ? body.toString() : '',
      ]);
      expect(statuses).toEqual(answers.map(([row]) => [row.method, row.path, row[down], '']));
      for (const [{ method, path }, { status, headers, body }] of answers) {
        if (status !== 503) continue;
        expect(Number(headers['retry-after']), path).toBeGreaterThan(0);
        expect(headers['content-type'], path).toBe('application/json');
        if (method === 'HEAD') continue;
        const { errors } = JSON.parse(body.toString()) as { errors: { code: string; message: string }[] };
        expect(errors, path).toMatchObject([
          { code: 'UNAVAILABLE', message: expect.stringMatching(/\.$/) as string },
        ]);
      }
      if (down === 'coordinator') coordinator = await startCoordinator();
      else await us.start(down);
      await expect.poll(() => us.readiness('frontend'), soon).toBe(200);
      const pulls = (): Promise<string> =>
        pull(us.registry, 'team/app', '1.0').then((pulled) => pulled.digest, String);
      await expect.poll(pulls, soon).toBe(image.digest);
      expect(us.process('frontend').log()).not.toContain('should not');
    });
  },
);
