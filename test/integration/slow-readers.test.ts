import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startCluster, type TestCluster } from '#test/support/cluster.ts';
import { digestOf, seededBlob } from '#test/support/content.ts';
import { freePorts } from '#test/support/ports.ts';
import { pullBlob, pushBlob } from '#test/support/registry-client.ts';
import { startSeparateRegion, type SeparateRegion } from '#test/support/separate-region.ts';
import { startService, type ServiceProcess } from '#test/support/service-process.ts';
import { costOf, stalledReaders } from '#test/support/stalled-readers.ts';
import { storageElsewhere } from '#test/support/storage-elsewhere.ts';

const READERS = 1000;
const MAX_PROCESS_BYTES = 300_000_000;
/** More than the kernel takes for each of them. */
const BLOB = seededBlob('slow readers', 24_000_000);
const DIGEST = digestOf(BLOB);
const REPOSITORY = 'team/slow';
const PATH = `/v2/${REPOSITORY}/blobs/${DIGEST}`;
/** Two gigabytes pass until the kernel takes no more for any of them. */
const TIMEOUT_MS = 300_000;

const pulled = (registry: string): Promise<number> => pullBlob(registry, REPOSITORY, DIGEST);

describe('a thousand readers that stall, in a region that is one process', { timeout: TIMEOUT_MS }, () => {
  let cluster: TestCluster;
  let pid: number;
  beforeAll(async () => {
    cluster = await startCluster({ env: { MERIDIAN_MIN_RATE_WINDOW_MS: '15000' } });
    pid = Number(await readFile(join(cluster.dataDir, 'us', 'pid'), 'utf8'));
    await pushBlob(cluster.registry('us'), REPOSITORY, DIGEST, BLOB);
    await pulled(cluster.registry('us'));
  }, TIMEOUT_MS);
  afterAll(() => cluster.dispose());

  it('cost little memory, keep nobody else waiting, and are ended, all that they held with them', async () => {
    const before = await costOf(pid);
    const sockets = await stalledReaders(cluster.registry('us'), PATH, READERS);
    const ended = Promise.all(sockets.map(endOf));
    expect(await pulled(cluster.registry('us'))).toBe(BLOB.length);
    const meanwhile = await costOf(pid);
    console.log('Memory of the region in MB:', inMegabytes(before), inMegabytes(meanwhile));
    expect(meanwhile.memoryBytes).toBeLessThan(MAX_PROCESS_BYTES);

    const stalls = (): Promise<number> =>
      cluster.metric('us', 'meridian_http_stalled_total', 'client="reader"');
    await until(async () => (await stalls()) === READERS);
    await until(async () => (await costOf(pid)).files <= before.files + SPARE_FILES);
    for (const socket of sockets) socket.resume();
    await ended;
    expect(await pulled(cluster.registry('us'))).toBe(BLOB.length);
  });
});

describe('a thousand readers that stall, where bytes come by gRPC', { timeout: TIMEOUT_MS }, () => {
  const stops: (() => Promise<unknown>)[] = [];
  let scratch: string;
  let regions: Record<'us' | 'eu', SeparateRegion>;
  let frontends: Record<'us' | 'eu', { process: ServiceProcess; registry: string }>;
  beforeAll(async () => {
    scratch = await mkdtemp(join(tmpdir(), 'meridian-slow-'));
    stops.push(() => rm(scratch, { recursive: true, force: true }));
    const [etcdPort = 0, usPeer = 0, euPeer = 0] = await freePorts(3);
    const coordinator = await startService('coordinator/main.ts', {
      MERIDIAN_LISTEN: `127.0.0.1:${etcdPort}`,
      MERIDIAN_DATA_DIR: join(scratch, 'coordinator'),
    });
    stops.push(() => coordinator.stop());
    const shared = {
      regions: `us=127.0.0.1:${usPeer},eu=127.0.0.1:${euPeer}`,
      etcd: `http://127.0.0.1:${etcdPort}`,
      tls: undefined,
      // So that the first readers of the other region find nothing there.
      env: { replication: { MERIDIAN_ANNOUNCE_REGIONS: '0' } },
    };
    const [us, eu] = await Promise.all([
      startSeparateRegion({ ...shared, region: 'us', dataDir: join(scratch, 'us'), peerPort: usPeer }),
      startSeparateRegion({ ...shared, region: 'eu', dataDir: join(scratch, 'eu'), peerPort: euPeer }),
    ]);
    regions = { us, eu };
    stops.push(() => Promise.all([us.stop(), eu.stop()]));
    frontends = { us: await frontendElsewhere('us', us), eu: await frontendElsewhere('eu', eu) };
    await pushBlob(us.registry, REPOSITORY, DIGEST, BLOB);
  }, TIMEOUT_MS);
  afterAll(async () => {
    for (const stop of stops.reverse()) await stop();
  });

  /** One that does not see the storage's volume. */
  async function frontendElsewhere(
    name: string,
    { addresses }: SeparateRegion,
  ): Promise<{ process: ServiceProcess; registry: string }> {
    const [port = 0] = await freePorts(1);
    const storage = await storageElsewhere(addresses.storage);
    const registry = `127.0.0.1:${port}`;
    const process = await startService('frontend/main.ts', {
      MERIDIAN_REGION: name,
      MERIDIAN_LISTEN: registry,
      MERIDIAN_STORAGE: storage.address,
      MERIDIAN_REPLICATION: addresses.replication,
    });
    stops.push(async () => {
      await process.stop();
      await storage.close();
    });
    return { process, registry };
  }

  it.each([
    ['is there', 'us'],
    ['is on its way from another region', 'eu'],
  ] as const)('cost no process much memory while the blob %s', async (_where, name) => {
    const { process, registry } = frontends[name];
    const pids = {
      frontend: process.pid,
      storage: regions[name].process('storage').pid,
      replication: regions[name].process('replication').pid,
    };
    const before = await costOf(pids.frontend);
    const sockets = await stalledReaders(registry, PATH, READERS);
    const memory: Record<string, number> = {};
    try {
      expect(await pulled(registry)).toBe(BLOB.length);
      for (const [service, pid] of Object.entries(pids)) memory[service] = inMegabytes(await costOf(pid));
    } finally {
      for (const socket of sockets) socket.destroy();
    }
    console.log(`Memory of ${name} in MB, the front end before: ${inMegabytes(before)}`, memory);
    const tooLarge = Object.entries(memory).filter(([, megabytes]) => megabytes >= MAX_PROCESS_BYTES / 1e6);
    expect(tooLarge).toEqual([]);
    await until(async () => (await costOf(pids.frontend)).files <= before.files + SPARE_FILES);
    expect(await pulled(registry)).toBe(BLOB.length);
  });
});

/** Connections between services, and those of other requests. */
const SPARE_FILES = 10;

async function endOf(socket: Socket): Promise<void> {
  if (!socket.destroyed) await once(socket, 'close');
}

function inMegabytes({ memoryBytes }: { memoryBytes: number }): number {
  return Math.round(memoryBytes / 1e6);
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 120_000;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error('The condition was not met in time.');
    await delay(50);
  }
}
