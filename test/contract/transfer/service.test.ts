import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createMemoryCache } from '#libs/cache/memory.ts';
import { connectEtcd } from '#libs/etcd/client.ts';
import { digestOf, type Digest } from '#libs/oci/digest.ts';
import { OCI_CONFIG, OCI_LAYER, OCI_MANIFEST } from '#libs/oci/mediatype.ts';
import type { RegionEvent } from '#libs/region-event.ts';
import { openRpcChannel } from '#libs/rpc/client.ts';
import {
  catalogContract,
  transferContract,
  type Catalog,
  type Storage,
  type Transfer,
} from '#libs/rpc/contracts.ts';
import { startCoordinator } from '#services/coordinator/service.ts';
import { startReplication } from '#services/replication/service.ts';
import { openStorage } from '#services/storage/service.ts';
import { defaultStorageSettings } from '#services/storage/settings.ts';
import { freePorts } from '#test/support/ports.ts';
import { neverAborts, someBytes, soon } from '#test/support/transfer-regions.ts';

const NAMES = ['us', 'eu', 'ap'] as const;
const context = { signal: neverAborts };
const repository = 'team/app';

interface Region {
  readonly catalog: Catalog;
  readonly transfer: Transfer;
  readonly storage: Storage;
  readonly events: RegionEvent[];
  readonly received: () => number;
  stop(): Promise<void>;
}

/** Long enough for what succeeds on a busy machine; the one push that can't succeed waits for all of it. */
const HOLD_TIMEOUT_MS = 8_000;

describe('the replication service of three regions', () => {
  const regions = new Map<string, Region>();
  let dataDir: string;
  let stopCoordinator: () => Promise<void>;
  const region = (name: string): Region => {
    const running = regions.get(name);
    if (running === undefined) throw new Error(`The region ${name} was not started.`);
    return running;
  };

  beforeAll(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'meridian-replication-'));
    const coordinator = await startCoordinator({
      dataDir: await mkdtemp(join(dataDir, 'coordinator-')),
      listen: '127.0.0.1:0',
      onFault: () => undefined,
    });
    stopCoordinator = () => coordinator.stop(0);
    const ports = await freePorts(NAMES.length);
    const endpoints = NAMES.map((name, i) => ({ name, endpoint: `127.0.0.1:${ports[i] ?? 0}` }));
    const start = async ({ name, endpoint }: { name: string; endpoint: string }): Promise<void> => {
      regions.set(name, await startRegion(name, endpoint, endpoints, coordinator.address, dataDir));
    };
    await Promise.all(endpoints.map(start));
  });

  afterAll(async () => {
    await Promise.all([...regions.values()].map((running) => running.stop()));
    await stopCoordinator();
    await rm(dataDir, { recursive: true, force: true });
  });

  it('acknowledges a push when two regions hold it, and shows it in all of them at once', async () => {
    const image = await storeImage(region('us').storage);
    const pushed = await region('us').catalog.push(
      {
        repository,
        tags: ['1.0'],
        manifest: { mediaType: OCI_MANIFEST, digest: image.manifest, size: image.size },
        ifMatch: '',
        ifNoneMatch: '',
        pushedBy: 'someone',
        mayRetag: true,
        content: Buffer.alloc(0),
      },
      context,
    );
    expect(pushed.durableRegions).toHaveLength(2);
    expect(pushed.durableRegions).toContain('us');
    for (const name of pushed.durableRegions) {
      const { blobs } = await region(name).storage.stat({ digests: image.digests }, context);
      expect(blobs).toHaveLength(image.digests.length);
    }
    for (const name of NAMES) {
      const freshness = { strong: false, catalogId: '', minRevision: 0 };
      const found = await region(name).catalog.resolve({ repository, reference: '1.0', freshness }, context);
      expect(found.manifest?.digest).toBe(image.manifest);
    }
    for (const name of ['eu', 'ap']) {
      const held = async (): Promise<number> =>
        (await region(name).storage.stat({ digests: image.digests }, context)).blobs.length;
      await expect.poll(held, soon).toBe(image.digests.length);
      await expect
        .poll(async () => (await region(name).catalog.status({}, context)).watermark, soon)
        .toBeGreaterThanOrEqual(pushed.position?.revision ?? Infinity);
      expect(region(name).received()).toBe(image.bytes);
      expect(await region(name).catalog.status({}, context)).toMatchObject({ missingBlobs: 0, lostBlobs: 0 });
    }
  });

  it('serves a pull before its copy is there', async () => {
    const bytes = someBytes(700_000);
    const digest = await store(region('eu').storage, bytes);
    const found = await region('ap').catalog.findBlob({ repository, digest, forUpload: false }, context);
    await region('ap').transfer.fetch({ repository, digest, size: found.size }, context);
    const chunks: Buffer[] = [];
    for await (const { data } of region('ap').storage.read({ digest, offset: 0, length: 0 }, context))
      chunks.push(data);
    expect(Buffer.concat(chunks).equals(bytes)).toBe(true);
  });

  it('refuses a push that too few regions can hold, and says which', async () => {
    const image = await storeImage(region('us').storage);
    await Promise.all([region('eu').stop(), region('ap').stop()]);
    const push = region('us').catalog.push(
      {
        repository,
        tags: ['2.0'],
        manifest: { mediaType: OCI_MANIFEST, digest: image.manifest, size: image.size },
        ifMatch: '',
        ifNoneMatch: '',
        pushedBy: 'someone',
        mayRetag: true,
        content: Buffer.alloc(0),
      },
      context,
    );
    await expect(push).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await expect(push).rejects.toThrow(/eu/);
    await expect(push).rejects.toThrow(/ap/);
  });
});

async function startRegion(
  name: string,
  peerListen: string,
  all: { name: string; endpoint: string }[],
  coordinator: string,
  dataDir: string,
): Promise<Region> {
  const own = await openStorage({
    dataDir: join(dataDir, name, 'storage'),
    region: name,
    settings: defaultStorageSettings,
  });
  const etcd = connectEtcd({ endpoints: [`http://${coordinator}`], callTimeoutMs: 10_000 });
  const events: RegionEvent[] = [];
  let received = 0;
  const service = await startReplication(
    {
      region: name,
      process: `${name}-1`,
      etcd,
      leases: createMemoryCache(() => performance.now()),
      dataDir: join(dataDir, name, 'replication'),
      regions: all,
      storage: own.storage,
      uploads: own.uploads,
      reclaim: own.reclaim,
      scrub: own.scrub,
      peerListen,
      listen: '127.0.0.1:0',
      transferSettings: { minFreeBytes: 0, pingIntervalMs: 300 },
      catalogSettings: { holdTimeoutMs: HOLD_TIMEOUT_MS },
      onEvent: (event) => events.push(event),
      onExchange: () => undefined,
      onPeerBytes: (_region, direction, bytes) => {
        if (direction === 'received') received += bytes;
      },
      onFault: () => undefined,
    },
    neverAborts,
  );
  const channel = openRpcChannel({ address: `127.0.0.1:${service.port ?? 0}` });
  let stopped: Promise<void> | undefined;
  return {
    catalog: channel.client(catalogContract),
    transfer: channel.client(transferContract),
    storage: own.storage,
    events,
    received: () => received,
    stop: () =>
      (stopped ??= (async () => {
        channel.close();
        await service.stop(0);
        await own.stop(0);
        etcd.close();
      })()),
  };
}

async function storeImage(
  storage: Storage,
): Promise<{ manifest: Digest; size: number; digests: Digest[]; bytes: number }> {
  const config = Buffer.from(JSON.stringify({ made: someBytes(8).toString('hex') }));
  const layers = [someBytes(300_000), someBytes(1_000)];
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: OCI_MANIFEST,
      config: { mediaType: OCI_CONFIG, digest: digestOf(config), size: config.length },
      layers: layers.map((layer) => ({ mediaType: OCI_LAYER, digest: digestOf(layer), size: layer.length })),
    }),
  );
  const contents = [config, ...layers, manifest];
  const digests = await Promise.all(contents.map((bytes) => store(storage, bytes)));
  const bytes = contents.reduce((sum, content) => sum + content.length, 0);
  return { manifest: digestOf(manifest), size: manifest.length, digests, bytes };
}

async function store(storage: Storage, bytes: Buffer): Promise<Digest> {
  const digest = digestOf(bytes);
  const parts = async function* () {
    yield { header: { repository, digest, size: bytes.length } };
    yield { data: bytes };
  };
  await storage.put(parts(), context);
  return digest;
}
