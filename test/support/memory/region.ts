import type { Operations, Scrub, Storage, Uploads } from '#libs/rpc/contracts.ts';
import { regionOfUpload, unknownUpload } from '#libs/upload-id.ts';
import { memoryCatalog, type MemoryCatalog } from './catalog.ts';
import { MemoryQuorum } from './catalog-state.ts';
import { memoryOperations } from './operations.ts';
import { memoryStorage, type MemoryStorage } from './storage.ts';
import { memoryTransfer, type MemoryTransfer } from './transfer.ts';
import { memoryUploads, type MemoryUploads } from './uploads.ts';

/** A region's bytes, of whatever kind. */
export interface Store {
  readonly storage: Storage;
  readonly uploads: Uploads;
  readonly scrub: Pick<Scrub, 'verify'>;
}

/** What a front end works with: regions of one process, their catalog and the links between them in memory. */
export interface TestRegion extends Store {
  readonly name: string;
  /** Carries calls to the region that an upload's id names. */
  readonly remoteUploads: Uploads;
  readonly catalog: MemoryCatalog;
  readonly transfer: MemoryTransfer;
  readonly operations: Operations;
}

/** A region whose bytes are in memory, too, where tests can look at them. */
export interface MemoryRegion extends TestRegion {
  readonly store: MemoryStorage;
  readonly sessions: MemoryUploads;
}

export function memoryRegions<Name extends string>(...names: Name[]): Record<Name, MemoryRegion> {
  const stores = names.map((name) => {
    const store = memoryStorage();
    const sessions = memoryUploads(name, store);
    const { storage, scrub } = store;
    return [name, { storage, scrub, uploads: sessions.uploads, store, sessions }] as const;
  });
  const regions = Object.entries<TestRegion>(regionsOver(Object.fromEntries(stores)));
  const parts = new Map<string, (typeof stores)[number][1]>(stores);
  return Object.fromEntries(
    regions.map(([name, region]) => [name, { ...parts.get(name), ...region }]),
  ) as Record<Name, MemoryRegion>;
}

export function regionsOver<Name extends string>(stores: Record<Name, Store>): Record<Name, TestRegion> {
  const quorum = new MemoryQuorum();
  const entries = Object.entries<Store>(stores);
  for (const [region] of entries) {
    quorum.regions.set(region, {
      region,
      state: 'active',
      endpoint: `${region}.test:5100`,
      labels: {},
      version: 1,
    });
  }
  const storages = new Map(entries.map(([name, { storage }]) => [name, storage]));
  const regions = new Map<string, TestRegion>();
  for (const [name, { storage, uploads, scrub }] of entries) {
    regions.set(name, {
      name,
      storage,
      uploads,
      scrub,
      remoteUploads: carried(regions),
      catalog: memoryCatalog({ region: name, quorum, storage, storages }),
      transfer: memoryTransfer({ region: name, storage, storages }),
      operations: memoryOperations(storages, quorum),
    });
  }
  return Object.fromEntries(regions) as Record<Name, TestRegion>;
}

function carried(regions: ReadonlyMap<string, TestRegion>): Uploads {
  const uploadsOf = (id: string): Uploads => {
    const uploads = regions.get(regionOfUpload(id))?.uploads;
    if (uploads === undefined) throw unknownUpload(id);
    return uploads;
  };
  return {
    create: async () => {
      throw new Error('an upload is created in the region that was asked');
    },
    write: async (parts, context) => {
      const iterator = parts[Symbol.asyncIterator]();
      const first = await iterator.next();
      if (first.done === true) throw new Error('a write begins with its target');
      const all = async function* (): AsyncGenerator<typeof first.value> {
        yield first.value;
        for (let step = await iterator.next(); step.done !== true; step = await iterator.next()) {
          yield step.value;
        }
      };
      return uploadsOf(first.value.target?.id ?? '').write(all(), context);
    },
    stat: async (target, context) => uploadsOf(target.id).stat(target, context),
    finish: async (request, context) => uploadsOf(request.id).finish(request, context),
    cancel: async (target, context) => uploadsOf(target.id).cancel(target, context),
  };
}
