import type { KeyValueStore } from '#libs/etcd/store.ts';
import type { OnRegionEvent } from '#libs/region-event.ts';
import type { Catalog, Storage } from '#libs/rpc/contracts.ts';
import type { Adopter } from './adopt/adopter.ts';
import type { Clock, Holder, RegionPins, TransferStatus } from './collaborators.ts';
import { createChangeSettings } from './configure/change-settings.ts';
import { createGetSettings } from './configure/get-settings.ts';
import { createDeleteBlob } from './delete/delete-blob.ts';
import { createDeleteManifest } from './delete/delete-manifest.ts';
import { createDeleteTag } from './delete/delete-tag.ts';
import { createFollow } from './follow.ts';
import { createPush } from './push/push.ts';
import type { ReceiptLease } from './push/receipt-lease.ts';
import { createNoteUse } from './read/blob-use.ts';
import { createFindBlob } from './read/find-blob.ts';
import { createFindDurability } from './read/find-durability.ts';
import { createFindOwners } from './read/find-owners.ts';
import type { ReadOptions } from './read/freshen.ts';
import { createListRepositories, createListTags } from './read/lists.ts';
import { createListReferrers } from './read/referrers.ts';
import { createResolve } from './read/resolve.ts';
import type { TaggedReferrersOptions } from './read/tagged-referrers.ts';
import { createAddRegion } from './regions/add-region.ts';
import { createChangeRegion } from './regions/change-region.ts';
import { createListRegions } from './regions/list-regions.ts';
import { createRemoveRegion } from './regions/remove-region.ts';
import { createStatus } from './status.ts';

/** What moves blobs, for the catalog's calls. */
export interface CatalogCollaborators {
  /** This region's. */
  readonly storage: Pick<Storage, 'read' | 'pins' | 'hold'>;
  readonly pins: RegionPins;
  readonly holder: Holder;
  readonly transfer: () => TransferStatus;
  /** Begins to bring a blob into this region, or joins what does; resolves once `storage` can be asked for it. */
  readonly fetch: TaggedReferrersOptions['fetch'];
  readonly onEvent: OnRegionEvent;
}

/** The open catalog's own parts. */
export interface CatalogParts extends ReadOptions {
  readonly etcd: KeyValueStore;
  readonly receipts: ReceiptLease;
  readonly adopter: Pick<Adopter, 'arrived'>;
  readonly clock: Clock;
  /** This region's name, and this process's. */
  readonly region: string;
  readonly process: string;
  /** Ends the streams. */
  readonly stopping: AbortSignal;
  readonly onFault: (error: unknown) => void;
}

/** The contract of proto/meridian/v1/catalog.proto: each call in a file of its own. */
export function catalogHandlers(parts: CatalogParts, collaborators: CatalogCollaborators): Catalog {
  const { view, region, settings, adopter, onFault } = parts;
  const all = { ...parts, ...collaborators };
  const resolve = createResolve(parts);
  const epoch = (): number => view.epoch(region) ?? 0;
  const noteUse = createNoteUse({ storage: collaborators.storage, epoch, onFault });
  return {
    resolve,
    findDurability: createFindDurability(view, resolve),
    findBlob: createFindBlob({ ...all, noteUse }),
    findOwners: createFindOwners(all),
    push: createPush({
      ...all,
      onPublished: (repository, digest) => adopter.arrived(repository, digest),
    }),
    deleteTag: createDeleteTag(all),
    deleteManifest: createDeleteManifest(all),
    deleteBlob: createDeleteBlob(all),
    listTags: createListTags(parts),
    listRepositories: createListRepositories(parts),
    listReferrers: createListReferrers(all),
    follow: createFollow({ ...parts, frameEveryMs: settings.frameEveryMs }),
    getSettings: createGetSettings(parts),
    changeSettings: createChangeSettings(parts),
    listRegions: createListRegions(parts),
    addRegion: createAddRegion(parts),
    changeRegion: createChangeRegion(parts),
    removeRegion: createRemoveRegion(parts),
    status: createStatus(all),
  };
}
