import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createMemoryCache } from '#libs/cache/memory.ts';
import { digestOf, type Digest } from '#libs/oci/digest.ts';
import { openRpcChannel } from '#libs/rpc/client.ts';
import {
  peerContract,
  transferContract,
  uploadsContract,
  type Peer,
  type Storage,
  type Transfer,
  type Uploads,
} from '#libs/rpc/contracts.ts';
import { createRpcServer } from '#libs/rpc/server.ts';
import type { RegionEvent } from '#libs/region-event.ts';
import { defaultTransferSettings, type TransferSettings } from '#services/replication/settings.ts';
import { startTransfer, type RunningTransfer } from '#services/replication/transfer/start-transfer.ts';
import { countCalls, noSummaries } from './counted-peer.ts';
import type { TestCatalog } from './test-catalog.ts';
import { openStorage, type StorageService } from '#services/storage/service.ts';
import { defaultStorageSettings } from '#services/storage/settings.ts';

/** For conditions that a busy machine may take its time to reach. */
export const soon = { timeout: 20_000 };

/** For calls that a test lets run to their end. */
export const neverAborts = new AbortController().signal;

/** A region's storage on disk and the half of its replication that moves blobs, which other regions reach over gRPC. */
export interface TransferRegion {
  readonly name: string;
  readonly storage: Storage;
  readonly reclaim: StorageService['reclaim'];
  readonly running: RunningTransfer;
  /** As the region's own front ends call it, over gRPC. */
  readonly transfer: Transfer;
  readonly uploads: Uploads;
  readonly events: RegionEvent[];
  readonly faults: unknown[];
  /** Bytes of blobs that came from each other region. */
  readonly received: Map<string, number>;
  readonly sent: Map<string, number>;
  /** Puts something else in the place of what other regions read here. */
  serveReads(read: Peer['read']): void;
  serveHold(hold: Peer['hold']): void;
  /** The same for what other regions write to uploads here. */
  serveWrites(write: Uploads['write']): void;
  /** Calls of other regions, by name. */
  readonly calls: Map<keyof Peer, number>;
  store(bytes: Buffer, repository?: string): Promise<Digest>;
  holds(digest: string): Promise<boolean>;
  read(digest: string): Promise<Buffer>;
  /** Ends what the other regions reach, connections and all. */
  cut(): Promise<void>;
  /** Undoes `cut`, at the same address. */
  reconnect(): Promise<void>;
  stop(): Promise<void>;
}

const quick: TransferSettings = {
  ...defaultTransferSettings,
  pingIntervalMs: 100,
  pingsUntilLost: 2,
  askTimeoutMs: 5_000,
  stallTimeoutMs: 5_000,
  minFreeBytes: 0,
  slowHoldMs: 500,
  maxReconcilePauseMs: 2_000,
};

/** Starts a region of the catalog's cluster; the others see it at once. */
export async function startTransferRegion(
  name: string,
  catalog: TestCatalog,
  settings: Partial<TransferSettings> = {},
): Promise<TransferRegion> {
  const dataDir = await mkdtemp(join(tmpdir(), `meridian-${name}-`));
  const own = await openStorage({ dataDir, region: name, settings: defaultStorageSettings });
  const events: RegionEvent[] = [];
  const faults: unknown[] = [];
  const received = new Map<string, number>();
  const sent = new Map<string, number>();
  const onFault = (error: unknown): void => void faults.push(error);
  const running = startTransfer({
    region: name,
    process: `${name}-1`,
    storage: own.storage,
    uploads: own.uploads,
    scrub: own.scrub,
    catalog,
    leases: createMemoryCache(() => performance.now()),
    settings: { ...quick, ...settings },
    onEvent: (event) => events.push(event),
    onPeerBytes: (region, direction, bytes) => {
      const counts = direction === 'received' ? received : sent;
      counts.set(region, (counts.get(region) ?? 0) + bytes);
    },
    onFault,
  });

  const peer = { ...running.peer, ...noSummaries };
  let writes = own.uploads.write.bind(own.uploads);
  const uploads: Uploads = { ...own.uploads, write: (parts, context) => writes(parts, context) };
  const calls = new Map<keyof Peer, number>();
  const serve = async (address: string): Promise<{ port: number; close: () => Promise<void> }> => {
    const server = createRpcServer({ onFault });
    server.add(peerContract, countCalls(peer, calls));
    server.add(uploadsContract, uploads);
    return { port: await server.listen(address), close: () => server.close(0) };
  };
  let served = await serve('127.0.0.1:0');
  const endpoint = `127.0.0.1:${served.port}`;
  const local = createRpcServer({ onFault });
  local.add(transferContract, { ...running.transfer, keepElsewhere: async () => ({}) });
  local.add(uploadsContract, running.uploads);
  const channel = openRpcChannel({ address: `127.0.0.1:${await local.listen('127.0.0.1:0')}` });
  catalog.records.set(name, { region: name, state: 'active', endpoint });
  catalog.change();

  return {
    ...{ name, storage: own.storage, reclaim: own.reclaim },
    running,
    transfer: channel.client(transferContract),
    uploads: channel.client(uploadsContract),
    events,
    faults,
    received,
    sent,
    calls,
    serveReads: (read) => {
      peer.read = read;
    },
    serveHold: (hold) => {
      peer.hold = hold;
    },
    serveWrites: (write) => {
      writes = write;
    },
    store: async (bytes, repository = 'team/app') => {
      const digest = digestOf(bytes);
      await own.storage.ingest(partsOf(repository, digest, bytes), { signal: neverAborts });
      return digest;
    },
    holds: async (digest) =>
      (await own.storage.stat({ digests: [digest] }, { signal: neverAborts })).blobs.length === 1,
    read: async (digest) => {
      const chunks: Buffer[] = [];
      const all = own.storage.read({ digest, offset: 0, length: 0 }, { signal: neverAborts });
      for await (const { data } of all) chunks.push(data);
      return Buffer.concat(chunks);
    },
    cut: () => served.close(),
    reconnect: async () => {
      served = await serve(endpoint);
    },
    stop: async () => {
      channel.close();
      await running.stop(0);
      await Promise.all([local.close(0), served.close()]);
      await own.stop(0);
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

/** Bytes that nobody can guess, so that none come from anywhere but the test. */
export function someBytes(size: number): Buffer {
  return randomBytes(size);
}

/** The blob in pieces, with something happening after the first `count` of them. */
export function interrupted(
  bytes: Buffer,
  count: number,
  then: (signal: AbortSignal) => Promise<void>,
): Peer['read'] {
  return async function* ({ offset, length }, { signal }) {
    const piece = 64 * 1024;
    const asked = bytes.subarray(offset, length === 0 ? undefined : offset + length);
    for (let i = 0; i * piece < asked.length; i++) {
      if (i === count) await then(signal);
      yield { data: asked.subarray(i * piece, (i + 1) * piece) };
    }
  };
}

async function* partsOf(repository: string, digest: string, bytes: Buffer) {
  yield { header: { repository, digest, size: bytes.length } };
  for (let i = 0; i < bytes.length; i += 256 * 1024) yield { data: bytes.subarray(i, i + 256 * 1024) };
}
