import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { seededBytes } from '#test/support/oci-layout.ts';
import { freePorts } from '#test/support/ports.ts';
import { pullBlob, pushBlob, send } from '#test/support/registry-client.ts';
import { SERVICES, startSeparateRegion, type SeparateRegion } from '#test/support/separate-region.ts';
import { startService, type ServiceProcess } from '#test/support/service-process.ts';

const MEGABYTE = 1024 * 1024;
/** MERIDIAN_TEST_LARGE=1: as large as layers of machine-learning images are. */
const SIZE = (process.env['MERIDIAN_TEST_LARGE'] === '1' ? 2048 : 512) * MEGABYTE;
/** A copy in another region, three readings and a push of 2 GB on a busy disk. */
const TIMEOUT_MS = 600_000;
const MAX_PROCESS_BYTES = 250_000_000;
const REPOSITORY = 'team/large';

describe(
  `a layer of ${SIZE / MEGABYTE} MB, through services of their own processes`,
  { timeout: TIMEOUT_MS },
  () => {
    let scratch: string;
    let coordinator: ServiceProcess;
    let regions: Record<'us' | 'eu', SeparateRegion>;
    let digest: string;

    beforeAll(async () => {
      scratch = await mkdtemp(join(tmpdir(), 'meridian-large-'));
      const [etcdPort = 0, usPeer = 0, euPeer = 0] = await freePorts(3);
      coordinator = await startService('coordinator/main.ts', {
        MERIDIAN_LISTEN: `127.0.0.1:${etcdPort}`,
        MERIDIAN_DATA_DIR: join(scratch, 'coordinator'),
      });
      const shared = {
        regions: `us=127.0.0.1:${usPeer},eu=127.0.0.1:${euPeer}`,
        etcd: `http://127.0.0.1:${etcdPort}`,
        tls: undefined,
        // So that a pull from the other region finds nothing there.
        env: { replication: { MERIDIAN_ANNOUNCE_REGIONS: '0' } },
      };
      const [us, eu] = await Promise.all([
        startSeparateRegion({ ...shared, region: 'us', dataDir: join(scratch, 'us'), peerPort: usPeer }),
        startSeparateRegion({ ...shared, region: 'eu', dataDir: join(scratch, 'eu'), peerPort: euPeer }),
      ]);
      regions = { us, eu };
    });
    afterAll(async () => {
      await Promise.all([regions.us.stop(), regions.eu.stop()]);
      await coordinator.stop();
      await rm(scratch, { recursive: true, force: true });
    });

    it('is pushed as one stream', async () => {
      const { registry } = regions.us;
      const opened = await send(registry, 'POST', `/v2/${REPOSITORY}/blobs/uploads/`);
      const hash = createHash('sha256');
      const bytes = (async function* () {
        for await (const chunk of seededBytes('large', SIZE)) {
          hash.update(chunk);
          yield chunk;
        }
      })();
      const patched = await send(registry, 'PATCH', pathOf(opened.headers.location), { bytes });
      expect([patched.status, patched.headers.range]).toEqual([202, `0-${SIZE - 1}`]);
      digest = `sha256:${hash.digest('hex')}`;
      const url = new URL(pathOf(patched.headers.location), 'http://registry');
      url.searchParams.set('digest', digest);
      const finished = await send(registry, 'PUT', `${url.pathname}${url.search}`);
      expect([finished.status, finished.body.toString()]).toEqual([201, '']);
    });

    it('is pulled from the other region before it is there, by two clients at once, and moves once', async () => {
      const { registry } = regions.eu;
      const pulls = [pullBlob(registry, REPOSITORY, digest), pullBlob(registry, REPOSITORY, digest)];
      expect(await Promise.all(pulls)).toEqual([SIZE, SIZE]);
      const received = await regions.eu.metric('replication', 'meridian_peer_bytes_total');
      expect(received).toBe(SIZE);
    });

    it('is committed by its manifest and pulled where it lies', async () => {
      const config = Buffer.from('{}');
      const configDigest = `sha256:${createHash('sha256').update(config).digest('hex')}`;
      await pushBlob(regions.us.registry, REPOSITORY, configDigest, config);
      const mediaType = 'application/vnd.oci.image.manifest.v1+json';
      const body = JSON.stringify({
        schemaVersion: 2,
        mediaType,
        config: { mediaType: 'application/vnd.oci.empty.v1+json', digest: configDigest, size: config.length },
        layers: [{ mediaType: 'application/vnd.oci.image.layer.v1.tar', digest, size: SIZE }],
      });
      const headers = { 'content-type': mediaType };
      const put = await send(regions.us.registry, 'PUT', `/v2/${REPOSITORY}/manifests/1.0`, {
        headers,
        body,
      });
      expect([put.status, put.headers['meridian-durable-regions']]).toEqual([201, 'eu,us']);
      expect(await pullBlob(regions.us.registry, REPOSITORY, digest)).toBe(SIZE);
    });

    it(`leaves the memory of each process below ${MAX_PROCESS_BYTES / 1_000_000} MB`, async () => {
      const peaks: Record<string, number> = {};
      for (const [name, region] of Object.entries(regions)) {
        for (const service of SERVICES)
          peaks[`${name} ${service}`] = await region.process(service).peakMemoryBytes();
      }
      peaks['coordinator'] = await coordinator.peakMemoryBytes();
      console.log('Peaks of memory in MB:', inMegabytes(peaks));
      const tooLarge = Object.entries(peaks).filter(([, bytes]) => bytes > MAX_PROCESS_BYTES);
      expect(inMegabytes(Object.fromEntries(tooLarge))).toEqual({});
    });
  },
);

function pathOf(location: string | undefined): string {
  const { pathname, search } = new URL(location ?? '', 'http://registry');
  return `${pathname}${search}`;
}

function inMegabytes(bytes: Record<string, number>): Record<string, number> {
  return Object.fromEntries(
    Object.entries(bytes).map(([name, value]) => [name, Math.round(value / 1_000_000)]),
  );
}
