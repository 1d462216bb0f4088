import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { OCI_MANIFEST } from '#libs/oci/mediatype.ts';
import { writeImageLayout } from '#test/support/oci-layout.ts';
import { freePorts } from '#test/support/ports.ts';
import { pull, push, send, type Answer, type Sent } from '#test/support/registry-client.ts';
import { startSeparateRegion, type SeparateRegion } from '#test/support/separate-region.ts';
import { startService, type ServiceProcess } from '#test/support/service-process.ts';

const soon = { timeout: 30_000, interval: 50 };
const bytes = randomBytes(500);
const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

/** Who does not run. */
type Down = 'storage' | 'replication' | 'coordinator';

/** A request, and what it is answered while each of the services is down: 503, or what can be known without it. */
interface Row {
  readonly method: string;
  readonly path: string;
  readonly sent?: Sent;
  readonly storage: number;
  readonly replication: number;
  readonly coordinator: number;
}

const all = { storage: 503, replication: 503, coordinator: 503 };
/** Answered by the front end alone. */
const none = (status: number): typeof all => ({ storage: status, replication: status, coordinator: status });

const manifest = { headers: { 'content-type': OCI_MANIFEST }, body: '' };

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

function rows(): Row[] {
  const never = `sha256:${'0'.repeat(64)}`;
  const pushed = { ...manifest, body: image.bytes };
  return [
    { method: 'GET', path: '/v2/', ...none(200) },
    { method: 'GET', path: '/healthz', ...none(200) },
    { method: 'GET', path: '/nowhere', ...none(404) },
    { method: 'POST', path: '/v2/', ...none(405) },
    { method: 'GET', path: '/v2/A/tags/list', ...none(400) },
    { method: 'GET', path: '/v2/_catalog', ...all, storage: 200, coordinator: 200 },
    { method: 'GET', path: '/v2/team/app/tags/list', ...all, storage: 200, coordinator: 200 },
    { method: 'GET', path: '/v2/team/none/tags/list', ...all, storage: 404 },
    { method: 'HEAD', path: '/v2/team/app/manifests/1.0', ...all, storage: 200, coordinator: 200 },
    { method: 'GET', path: '/v2/team/app/manifests/1.0', ...all, coordinator: 200 },
    { method: 'GET', path: `/v2/team/app/manifests/${image.digest}`, ...all, coordinator: 200 },
    { method: 'GET', path: '/v2/team/app/manifests/none', ...all, storage: 404 },
    { method: 'GET', path: `/v2/team/app/manifests/${never}`, ...all, storage: 404 },
    { method: 'HEAD', path: `/v2/team/app/blobs/${image.layer}`, ...all, storage: 200, coordinator: 200 },
    { method: 'GET', path: `/v2/team/app/blobs/${image.layer}`, ...all, coordinator: 200 },
    { method: 'GET', path: `/v2/team/app/blobs/${never}`, ...all },
    { method: 'GET', path: `/v2/team/app/referrers/${image.digest}`, ...all, storage: 200, coordinator: 200 },
    { method: 'POST', path: '/v2/team/app/blobs/uploads/', ...all, replication: 202, coordinator: 202 },
    {
      ...{ method: 'POST', path: `/v2/team/app/blobs/uploads/?digest=${digest}`, sent: { body: bytes } },
      ...{ storage: 503, replication: 201, coordinator: 201 },
    },
    {
      ...{ method: 'POST', path: `/v2/team/new/blobs/uploads/?mount=${image.layer}&from=team/app` },
      ...{ storage: 503, replication: 202, coordinator: 201 },
    },
    {
      method: 'GET',
      path: '/v2/team/app/blobs/uploads/us.x.y',
      storage: 503,
      replication: 404,
      coordinator: 404,
    },
    {
      method: 'GET',
      path: '/v2/team/app/blobs/uploads/eu.x.y',
      storage: 404,
      replication: 503,
      coordinator: 404,
    },
    { method: 'PUT', path: '/v2/team/app/manifests/2.0', sent: pushed, ...all },
    { method: 'PUT', path: '/v2/team/app/manifests/2.0', sent: { ...manifest, body: '{' }, ...none(400) },
    { method: 'DELETE', path: `/v2/team/app/blobs/${never}`, ...all },
    { method: 'DELETE', path: '/v2/team/app/manifests/none', ...all, storage: 404 },
    { method: 'DELETE', path: `/v2/team/app/manifests/${never}`, ...all, storage: 404 },
  ];
}

describe.each<Down>(['storage', 'replication', 'coordinator'])('without its %s', (down) => {
  it('a front end answers 503 to what it cannot know, on every route, and never 500', async () => {
    // Without the caches of what was asked before.
    await us.process('frontend').stop();
    if (down === 'coordinator') await coordinator.kill();
    else await us.process(down).kill();
    await us.start('frontend');
    const answers = await Promise.all(
      rows().map(async (row): Promise<[Row, Answer]> => [
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
});
