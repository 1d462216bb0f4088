import type { Uploads } from '#libs/rpc/contracts.ts';
import { regionOfUpload, unknownUpload } from '#libs/upload-id.ts';
import { memoryCatalog, type MemoryCatalog } from './catalog.ts';
import { MemoryQuorum } from './catalog-state.ts';
import { memoryStorage, type MemoryStorage } from './storage.ts';
import { memoryTransfer, type MemoryTransfer } from './transfer.ts';
import { memoryUploads, type MemoryUploads } from './uploads.ts';

/** What a front end works with, complete and small: everything in memory, regions of one process. */
export interface MemoryRegion {
  readonly name: string;
  readonly storage: MemoryStorage;
  readonly uploads: MemoryUploads;
  /** Carries calls to the region that an upload's id names. */
  readonly remoteUploads: Uploads;
  readonly catalog: MemoryCatalog;
  readonly transfer: MemoryTransfer;
}

export function memoryRegions<Name extends string>(...names: Name[]): Record<Name, MemoryRegion> {
  const quorum = new MemoryQuorum();
  const storages = new Map<string, MemoryStorage>(names.map((name) => [name, memoryStorage()]));
  const regions = new Map<string, MemoryRegion>();
  for (const [name, storage] of storages) {
    regions.set(name, {
      name,
      storage,
      uploads: memoryUploads(name, storage),
      remoteUploads: carried(regions),
      catalog: memoryCatalog({ region: name, quorum, storage, storages }),
      transfer: memoryTransfer(name, storages),
    });
  }
  return Object.fromEntries(regions) as Record<Name, MemoryRegion>;
}

function carried(regions: ReadonlyMap<string, MemoryRegion>): Uploads {
  const uploadsOf = (id: string): Uploads => {
    const uploads = regions.get(regionOfUpload(id))?.uploads.uploads;
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
