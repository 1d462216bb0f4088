import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { EtcdClient, KeyValueStore } from '#libs/etcd/store.ts';
import { parseDigest, type Digest } from '#libs/oci/digest.ts';
import { parseRepositoryName } from '#libs/oci/name.ts';
import type { RegionEvent } from '#libs/region-event.ts';
import type { Auth, Catalog } from '#libs/rpc/contracts.ts';
import { openCatalog, type OpenCatalog } from '#services/replication/catalog/catalog.ts';
import type { Clock, Holder, HoldRequest, RegionPins } from '#services/replication/catalog/collaborators.ts';
import type { CatalogSettings } from '#services/replication/catalog/settings.ts';
import type { View } from '#services/replication/catalog/view/view.ts';
import { memoryStorage, type MemoryStorage } from '#test/support/memory/storage.ts';

export const REGIONS = ['us', 'eu', 'ap'] as const;
export type RegionName = (typeof REGIONS)[number];

/** All regions' bytes, in memory, and what stands in the way of reaching them. */
export interface World {
  readonly storages: Record<RegionName, MemoryStorage>;
  readonly unreachable: Set<string>;
  /** The collection epochs that holds answer with. */
  readonly epochs: Record<RegionName, number>;
  /** Called after each hold; for tests that need something to happen between reading and committing. */
  afterHold: (request: HoldRequest) => Promise<void> | void;
  holds: number;
  /** Called after pins were found, and after they were ended. */
  afterFind: () => Promise<unknown> | undefined;
  afterUnpin: () => Promise<unknown> | undefined;
}

export function newWorld(): World {
  return {
    storages: { us: memoryStorage(), eu: memoryStorage(), ap: memoryStorage() },
    unreachable: new Set(),
    epochs: { us: 0, eu: 0, ap: 0 },
    afterHold: () => undefined,
    holds: 0,
    afterFind: () => undefined,
    afterUnpin: () => undefined,
  };
}

export interface TestRegion {
  readonly region: RegionName;
  readonly world: World;
  readonly catalog: Catalog;
  readonly auth: Auth;
  readonly view: View;
  readonly barrier: OpenCatalog['barrier'];
  /** A blob was uploaded or mounted. */
  readonly arrived: OpenCatalog['arrived'];
  readonly dataDir: string;
  readonly events: RegionEvent[];
  readonly faults: unknown[];
  stop(): Promise<void>;
}

export interface RegionOptions {
  readonly etcd: KeyValueStore;
  /** Leases and, where `etcd` only wraps it, the rest. */
  readonly client: EtcdClient;
  readonly region?: RegionName;
  readonly world?: World;
  /** Of a region that ran before. */
  readonly dataDir?: string;
  readonly settings?: Partial<CatalogSettings>;
  readonly clock?: Clock;
}

/** Opens one region's catalog, on the etcd given; the test's end stops it. */
export async function openRegion({
  etcd,
  client,
  region = 'us',
  world = newWorld(),
  ...options
}: RegionOptions): Promise<TestRegion> {
  const dataDir = options.dataDir ?? (await temporaryDirectory());
  const faults: unknown[] = [];
  const events: RegionEvent[] = [];
  const opened = await openCatalog(
    {
      etcd,
      leases: client,
      dataDir,
      region,
      process: `${region}-1`,
      regions: REGIONS.map((name) => ({ name, endpoint: `${name}.test:5100` })),
      onFault: (error) => faults.push(error),
      ...(options.settings === undefined ? {} : { settings: options.settings }),
      ...(options.clock === undefined ? {} : { clock: options.clock }),
    },
    AbortSignal.timeout(20_000),
  );
  const catalog = opened.handlers({
    storage: world.storages[region].storage,
    pins: regionPins(world),
    holder: holder(world),
    transfer: () => ({ watermark: 7, missingBlobs: 1, missingBytes: 2, lostBlobs: 0, regions: [] }),
    fetch: ({ digest }, signal) => copy(world, parseDigest(digest), '', region, signal),
    onEvent: (event) => events.push(event),
  });
  let stopped: Promise<void> | undefined;
  const stop = (): Promise<void> => (stopped ??= opened.stop());
  onTestFinished(stop);
  return {
    region,
    world,
    catalog,
    auth: opened.auth,
    view: opened.view,
    barrier: opened.barrier,
    arrived: opened.arrived,
    dataDir,
    events,
    faults,
    stop,
  };
}

export async function temporaryDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'meridian-catalog-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

/** Asks each region's storage in turn. */
function regionPins(world: World): RegionPins {
  const { storages, unreachable } = world;
  return {
    // They may go away at any time.
    reachesAll: () => true,
    find: async (repository, digests, signal) => {
      const sizes = new Map<Digest, number>();
      const givenUp = new Set<Digest>();
      for (const region of REGIONS) {
        if (unreachable.has(region)) continue;
        const found = await storages[region].storage.pins({ repository, digests: [...digests] }, { signal });
        for (const { digest, size } of found.blobs) sizes.set(parseDigest(digest), size);
        for (const digest of found.givenUp) givenUp.add(parseDigest(digest));
      }
      await world.afterFind();
      return { sizes, givenUp, unreachable: [...unreachable] };
    },
    owners: async (digest, limit, signal) => {
      for (const region of REGIONS) {
        if (unreachable.has(region)) continue;
        const { repositories, size } = await storages[region].storage.pinOwners(
          { digest, limit },
          { signal },
        );
        if (repositories.length > 0) return { repositories: repositories.map(parseRepositoryName), size };
      }
      return { repositories: [], size: 0 };
    },
    unpin: async (repository, digest, regions, signal) => {
      const done: string[] = [];
      let pinned = false;
      for (const region of REGIONS) {
        if (!regions.includes(region) || unreachable.has(region)) continue;
        const request = { repository, digests: [digest] };
        const { digests } = await storages[region].storage.unpin(request, { signal });
        pinned ||= digests.length > 0;
        done.push(region);
      }
      await world.afterUnpin();
      return { done, pinned, unreachable: [...unreachable] };
    },
  };
}

/** Copies what is missing from whichever region has it, then pins; the pushing region first. */
function holder(world: World): Holder {
  return {
    hold: async (request, signal) => {
      const { repository, blobs, from, regions, wanted } = request;
      world.holds += 1;
      const epochs = new Map<string, number>();
      const missing: string[] = [];
      for (const region of REGIONS.toSorted((a, b) => Number(b === from) - Number(a === from))) {
        if (!regions.includes(region) || epochs.size >= wanted) continue;
        if (world.unreachable.has(region)) missing.push(region);
        else {
          for (const { digest } of blobs) await copy(world, digest, repository, region, signal);
          const held = await world.storages[region].storage.hold(
            {
              pushId: 'test',
              repository,
              blobs: [...blobs],
              epoch: world.epochs[region],
              unlessGivenUp: false,
            },
            { signal },
          );
          if (held.missing.length === 0) epochs.set(region, world.epochs[region]);
          else missing.push(region);
        }
      }
      await world.afterHold(request);
      return { epochs, missing };
    },
  };
}

async function copy(
  { storages, unreachable }: World,
  digest: Digest,
  repository: string,
  to: RegionName,
  signal: AbortSignal,
): Promise<void> {
  if (storages[to].has(digest)) return;
  const source = REGIONS.find((region) => !unreachable.has(region) && storages[region].has(digest));
  if (source === undefined) return;
  const chunks: Buffer[] = [];
  for await (const { data } of storages[source].storage.read({ digest, offset: 0, length: 0 }, { signal })) {
    chunks.push(data);
  }
  storages[to].publish(repository, digest, Buffer.concat(chunks));
}
