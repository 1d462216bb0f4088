import type { ConfiguredRegion } from '#libs/config/regions.ts';
import { mkdirSync } from 'node:fs';
import type { KeyValueStore, Leases } from '#libs/etcd/store.ts';
import { parseDigest } from '#libs/oci/digest.ts';
import { parseRepositoryName } from '#libs/oci/name.ts';
import type { Auth, Catalog } from '#libs/rpc/contracts.ts';
import { startAdopter, type Adopter } from './adopt/adopter.ts';
import { authHandlers } from './auth/handlers.ts';
import { knownIdentities } from './auth/known-identities.ts';
import { rotateInTime } from './auth/rotate-keys.ts';
import { createBarrier, type Barrier } from './barrier.ts';
import { systemClock, type Clock } from './collaborators.ts';
import { compactHistory } from './compaction.ts';
import { catalogHandlers, type CatalogCollaborators } from './handlers.ts';
import { createHeadReader } from './head.ts';
import { stayLive } from './live.ts';
import { createReceiptLease } from './push/receipt-lease.ts';
import { DEFAULT_SETTINGS, type CatalogSettings } from './settings.ts';
import { createStaleness, watchStaleness } from './staleness.ts';
import { firstView, joinCatalog } from './start.ts';
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

export interface OpenCatalog {
  readonly view: View;
  readonly barrier: Barrier;
  /** Milliseconds since the view was last known to be current. */
  stalenessMs(): number;
  /** Identities and permissions. */
  readonly auth: Auth;
  /** The calls, once what they need is there: moving blobs needs the view first. */
  handlers(collaborators: CatalogCollaborators): Catalog;
  /** A blob was uploaded or mounted: manifests that name it may own it now. Throws NAME_INVALID, DIGEST_INVALID. */
  arrived: (repository: string, digest: string) => void;
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
  const auth = { etcd, view, known: knownIdentities(view), clock, settings, onFault };
  const loops = [
    watchStaleness(
      { heads, staleness, onStuck, everyMs: settings.headEveryMs, maxStuckMs: settings.maxStuckMs },
      stopping.signal,
    ),
    stayLive({ ...options, clock }, stopping.signal),
    rotateInTime(auth, stopping.signal),
    compactHistory({ etcd, clock, historyMs: settings.historyMs, onFault }, stopping.signal),
  ];
  let adopter: Adopter | undefined;
  const stop = async (): Promise<void> => {
    stopping.abort(new Error('The catalog is being closed.'));
    await Promise.all([...loops, feed.stop(), adopter?.stop()]);
    staleness.close();
    view.close();
  };
  if (joined) {
    await firstView(view, barrier, signal).catch(async (error: unknown) => {
      await stop();
      throw error;
    });
  }

  const receipts = createReceiptLease(options.leases, clock);
  const read = { view, heads, barrier, staleness, settings };
  return {
    view,
    barrier,
    auth: authHandlers({ ...auth, staleness, process, stopping: stopping.signal }),
    stalenessMs: () => staleness.ms(),
    stop,
    arrived: (repository, digest) => adopter?.arrived(parseRepositoryName(repository), parseDigest(digest)),
    handlers: (collaborators) => {
      adopter = startAdopter({ etcd, view, region, settings, onFault, ...collaborators });
      const { signal: ending } = stopping;
      const parts = { ...read, etcd, receipts, adopter, clock, region, process, stopping: ending, onFault };
      return catalogHandlers(parts, collaborators);
    },
  };
}
