import type { Leases } from '#libs/cache/leases.ts';
import type { ConfiguredRegion } from '#libs/config/regions.ts';
import type { EtcdClient } from '#libs/etcd/store.ts';
import type { OnRegionEvent } from '#libs/region-event.ts';
import type {
  Auth,
  Catalog,
  Operations,
  Reclaim,
  Scrub,
  Storage,
  Transfer,
  Uploads,
} from '#libs/rpc/contracts.ts';
import type { RpcServer } from '#libs/rpc/server.ts';
import type { CallContext } from '#libs/rpc/types.ts';
import type { OnExchange } from '#libs/telemetry/metrics/summaries.ts';
import type { OnPeerBytes } from '#libs/telemetry/metrics/replication.ts';
import type { TlsIdentity } from '#libs/tls/identity.ts';
import { openCatalog, type OpenCatalog } from './catalog/catalog.ts';
import { systemClock } from './catalog/collaborators.ts';
import type { CatalogSettings } from './catalog/settings.ts';
import { serveFrontends, servePeers } from './servers.ts';
import { defaultTransferSettings, type TransferSettings } from './settings.ts';
import { startTransfer, type RunningTransfer } from './transfer/start-transfer.ts';
import type { CollectSettings } from './collect/settings.ts';
import { createKeepElsewhere, endingElsewhere } from './membership/keep-elsewhere.ts';
import { defaultMembershipSettings, type MembershipSettings } from './membership/settings.ts';
import { tellHealed } from './healing/tell-healed.ts';
import { startOperations } from './operations/start-operations.ts';
import { startComparer, type Comparer } from './summaries/comparer.ts';
import { openKeptTree } from './summaries/kept-tree.ts';
import { summaryCalls } from './summaries/peer-calls.ts';
import { placedUploads } from './transfer/placed-uploads.ts';
import { wantedCatalog } from './wanted-catalog.ts';

export interface ReplicationOptions {
  readonly region: string;
  /** This process's name, another one after each start. */
  readonly process: string;
  /** Stays the caller's to close. */
  readonly etcd: EtcdClient;
  /** Shared by the region's replication processes; in memory where there is one. */
  readonly leases: Leases;
  /** Where the view of the catalog is kept. */
  readonly dataDir: string;
  /** All regions, this one among them: what a new catalog begins with, and what must be in an existing one. */
  readonly regions: readonly ConfiguredRegion[];
  /** The own region's. */
  readonly storage: Storage;
  readonly uploads: Uploads;
  readonly reclaim: Reclaim;
  readonly scrub: Scrub;
  /** Where other regions reach this one: `host:port`. */
  readonly peerListen: string;
  readonly peerTls?: TlsIdentity | undefined;
  /** Where the region's front ends reach it; without it they are in this process. */
  readonly listen?: string;
  readonly tls?: TlsIdentity | undefined;
  readonly catalogSettings?: Partial<CatalogSettings>;
  readonly transferSettings?: Partial<TransferSettings>;
  readonly collectSettings?: Partial<CollectSettings>;
  readonly membershipSettings?: Partial<MembershipSettings>;
  /** From the end of one removal of untagged manifests to the beginning of the next. */
  readonly retentionIntervalMs?: number;
  readonly onEvent: OnRegionEvent;
  readonly onPeerBytes: OnPeerBytes;
  readonly onExchange: OnExchange;
  /** Faults of the program, and disturbances that heal by themselves; `method` names the call they happened in. */
  readonly onFault: (error: unknown, method?: string) => void;
}

/** One region's replication, for its front ends. */
export interface ReplicationService {
  readonly catalog: Catalog;
  readonly auth: Auth;
  readonly transfer: Transfer;
  /** The uploads of all regions, carried to where they lie. */
  readonly uploads: Uploads;
  /** Those of all regions, carried to the one that they name. */
  readonly operations: Operations;
  readonly comparer: Pick<Comparer, 'compared' | 'underReplicated'>;
  readonly peerPort: number;
  /** Undefined without `listen`. */
  readonly port: number | undefined;
  /** Takes no more calls, lets those under way and the copies that clients wait for go on for `graceMs`, then ends everything. */
  stop(graceMs: number): Promise<void>;
}

/**
 * Joins the cluster: opens the catalog, connects to the other regions and serves them. Resolves when the view holds a catalog and the regions
 * that are there are known to be; rejects with a sentence when the catalog is not for this configuration or an address is taken, and when `signal` aborts before.
 */
export async function startReplication(
  given: ReplicationOptions,
  signal: AbortSignal,
): Promise<ReplicationService> {
  const options = { ...given, onEvent: tellHealed(given.onEvent, () => systemClock.nowMs()) };
  const { region } = options;
  const opened = await openCatalog(
    { ...options, leases: options.etcd, ...withSettings(options.catalogSettings) },
    signal,
  );
  const { view } = opened;
  const settings = { ...defaultTransferSettings, ...options.transferSettings };
  const kept = openKeptTree({ ...options, view });
  const moving = startTransfer({
    ...options,
    catalog: wantedCatalog(view, region, kept, () => systemClock.nowMs()),
    settings,
  });
  const { directory } = moving;
  const comparer = startComparer({
    ...{ ...options, view, kept, directory, settings, clock: systemClock },
    onLacking: () => moving.lookAgain(),
  });
  const keepElsewhere = createKeepElsewhere({
    ...{ region, view, directory },
    settings: { ...defaultMembershipSettings, ...options.membershipSettings },
  });
  const transfer = noticing({ ...moving.transfer, keepElsewhere }, opened);
  const operating = startOperations(opened, moving, comparer, options);
  const stopping = new AbortController();
  const own = catalogOf(opened, moving, options);
  const catalog = { ...own, follow: endingWith(stopping.signal, own.follow) };
  const auth = { ...opened.auth, follow: endingWith(stopping.signal, opened.auth.follow) };
  const servers: RpcServer[] = [];
  const stop = async (graceMs: number): Promise<void> => {
    stopping.abort(new Error('The service stops.'));
    await Promise.all([
      ...servers.map((server) => server.close(graceMs)),
      moving.stop(graceMs),
      operating.stop(),
      comparer.stop(),
    ]);
    kept.close();
    await opened.stop();
  };
  try {
    const { listen, tls, peerListen, peerTls, onFault } = options;
    const forPeers = {
      peer: { ...moving.peer, ...summaryCalls({ ...settings, view, kept }) },
      uploads: placedUploads(endingElsewhere(options.uploads, keepElsewhere), view, region),
      operations: operating.own,
      catalog,
      auth,
    };
    const peers = await servePeers(forPeers, { listen: peerListen, tls: peerTls, onFault });
    servers.push(peers.server);
    const services = { catalog, auth, transfer, uploads: moving.uploads, operations: operating.all };
    const forOwn =
      listen === undefined ? undefined : await serveFrontends(services, { listen, tls, onFault });
    if (forOwn !== undefined) servers.push(forOwn.server);
    await moving.untilMet(signal);
    return { ...services, comparer, peerPort: peers.port, port: forOwn?.port, stop };
  } catch (error) {
    await stop(0);
    throw error;
  }
}

function catalogOf(opened: OpenCatalog, moving: RunningTransfer, options: ReplicationOptions): Catalog {
  return opened.handlers({
    storage: options.storage,
    pins: moving.pins,
    holder: moving.holder,
    transfer: () => moving.status(),
    fetch: (blob, signal) => moving.transfer.fetch(blob, { signal }),
    onEvent: options.onEvent,
  });
}

/** What is announced to other regions is news for the catalog too: manifests may have been waiting for it. */
function noticing(transfer: Transfer, catalog: OpenCatalog): Transfer {
  return {
    ...transfer,
    announce: (blob, context) => {
      catalog.arrived(blob.repository, blob.digest);
      return transfer.announce(blob, context);
    },
  };
}

/** Front ends follow for ever: their streams end first, or no server could be closed. */
function endingWith<Request, Frames>(
  stopping: AbortSignal,
  follow: (request: Request, context: CallContext) => Frames,
): (request: Request, context: CallContext) => Frames {
  return (request, { signal }) => follow(request, { signal: AbortSignal.any([signal, stopping]) });
}

function withSettings(settings: Partial<CatalogSettings> | undefined): {
  settings?: Partial<CatalogSettings>;
} {
  return settings === undefined ? {} : { settings };
}
