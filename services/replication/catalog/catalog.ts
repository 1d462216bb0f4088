import { mkdirSync } from 'node:fs';
import type { KeyValueStore, Leases } from '#libs/etcd/store.ts';
import type { OnRegionEvent } from '#libs/region-event.ts';
import type { Catalog, Storage } from '#libs/rpc/contracts.ts';
import { createBarrier } from './barrier.ts';
import type { ConfiguredRegion } from './bootstrap.ts';
import {
  systemClock,
  type Clock,
  type Holder,
  type PinFinder,
  type TransferStatus,
} from './collaborators.ts';
import { compactHistory } from './compaction.ts';
import { createDeleteManifest } from './delete/delete-manifest.ts';
import { createDeleteTag } from './delete/delete-tag.ts';
import { createFollow } from './follow.ts';
import { createHeadReader } from './head.ts';
import { stayLive } from './live.ts';
import { createPush } from './push/push.ts';
import { createReceiptLease } from './push/receipt-lease.ts';
import { createFindBlob } from './read/find-blob.ts';
import { createListRepositories, createListTags } from './read/lists.ts';
import { createListReferrers } from './read/referrers.ts';
import { createResolve } from './read/resolve.ts';
import { DEFAULT_SETTINGS, type CatalogSettings } from './settings.ts';
import { createStaleness, watchStaleness } from './staleness.ts';
import { firstView, joinCatalog } from './start.ts';
import { createStatus } from './status.ts';
import { feedView } from './view/follow-etcd.ts';
import { openView } from './view/open-view.ts';
import type { View } from './view/view.ts';

export interface CatalogOptions {
  readonly etcd: KeyValueStore;
  readonly leases: Leases;
  /** Where the view is kept; made if it is missing. One process at a time can use it. */
  readonly dataDir: string;
  /** This region's name. */
  readonly region: string;
  /** This process's name, another one after each start. */
  readonly process: string;
  /** All regions, this one among them: what a new catalog begins with, and what must be in an existing one. */
  readonly regions: readonly ConfiguredRegion[];
  readonly settings?: Partial<CatalogSettings>;
  readonly clock?: Clock;
  /** Disturbances that heal by themselves, and faults of the program: for the log. */
  readonly onFault: (error: unknown) => void;
}

/** What moves blobs, for the catalog's calls. */
export interface CatalogCollaborators {
  /** This region's. */
  readonly storage: Pick<Storage, 'read'>;
  readonly pins: PinFinder;
  readonly holder: Holder;
  readonly transfer: () => TransferStatus;
  readonly onEvent: OnRegionEvent;
}

export interface OpenCatalog {
  readonly view: View;
  /** The calls, once what they need is there: moving blobs needs the view first. */
  handlers(collaborators: CatalogCollaborators): Catalog;
  /** Ends all streams and loops and closes the view. Let calls under way end first. */
  stop(): Promise<void>;
}

/**
 * Joins the catalog in etcd, making it if there is none, and opens this process's view of it. Resolves once the view holds a catalog: at once
 * where one was kept, so that a region can start while etcd is away, or else when etcd has given one. Rejects if `signal` aborts before
 * that, and with a sentence if the catalog is not for this configuration.
 */
export async function openCatalog(options: CatalogOptions, signal: AbortSignal): Promise<OpenCatalog> {
  const { etcd, region, process, onFault, clock = systemClock } = options;
  const settings = { ...DEFAULT_SETTINGS, ...options.settings };
  mkdirSync(options.dataDir, { recursive: true });
  const view = openView(options.dataDir);
  let joined: boolean;
  try {
    joined = await joinCatalog({ etcd, view, region, regions: options.regions, onFault }, signal);
  } catch (error) {
    view.close();
    throw error;
  }

  const stopping = new AbortController();
  const feed = feedView({ etcd, view, onDisturbance: onFault });
  const staleness = createStaleness(view, clock);
  const timeoutMs = settings.barrierTimeoutMs;
  const heads = createHeadReader({
    etcd,
    clock,
    view,
    timeoutMs,
    onHead: (head) => staleness.observe(head),
    onOtherHistory: () => feed.restart("etcd's history is not the view's."),
  });
  const barrier = createBarrier(heads, view, timeoutMs);
  const onStuck = (): void => feed.restart('The view stands still although the catalog has moved on.');
  const loops = [
    watchStaleness(
      { heads, staleness, onStuck, everyMs: settings.headEveryMs, maxStuckMs: settings.maxStuckMs },
      stopping.signal,
    ),
    stayLive({ ...options, clock }, stopping.signal),
    compactHistory({ etcd, clock, historyMs: settings.historyMs, onFault }, stopping.signal),
  ];
  const stop = async (): Promise<void> => {
    stopping.abort(new Error('The catalog is being closed.'));
    await Promise.all([...loops, feed.stop()]);
    staleness.close();
    view.close();
  };
  if (joined) {
    await firstView(view, barrier, signal).catch(async (error: unknown) => {
      await stop();
      throw error;
    });
  }

  const read = { view, heads, barrier, staleness, settings };
  const receipts = createReceiptLease(options.leases, clock);
  return {
    view,
    stop,
    handlers: (collaborators) => ({
      resolve: createResolve(read),
      findBlob: createFindBlob({ ...read, ...collaborators }),
      push: createPush({ etcd, view, receipts, region, clock, settings, ...collaborators }),
      deleteTag: createDeleteTag({ etcd, view, settings, ...collaborators }),
      deleteManifest: createDeleteManifest({ etcd, view, settings, clock, ...collaborators }),
      listTags: createListTags(read),
      listRepositories: createListRepositories(read),
      listReferrers: createListReferrers({ ...read, ...collaborators }),
      follow: createFollow({
        view,
        staleness,
        process,
        frameEveryMs: settings.frameEveryMs,
        stopping: stopping.signal,
      }),
      status: createStatus({ view, staleness, region, ...collaborators }),
    }),
  };
}
