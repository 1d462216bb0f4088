import type { Leases } from '#libs/cache/leases.ts';
import type { EtcdClient } from '#libs/etcd/store.ts';
import type { OnRegionEvent } from '#libs/region-event.ts';
import {
  catalogContract,
  peerContract,
  transferContract,
  uploadsContract,
  type Catalog,
  type Storage,
  type Transfer,
  type Uploads,
} from '#libs/rpc/contracts.ts';
import { createRpcServer, type OnFault, type RpcServer } from '#libs/rpc/server.ts';
import type { TlsFiles } from '#libs/rpc/tls.ts';
import type { OnPeerBytes } from '#libs/telemetry/metrics/replication.ts';
import type { ConfiguredRegion } from './catalog/bootstrap.ts';
import { openCatalog, type OpenCatalog } from './catalog/catalog.ts';
import type { CatalogSettings } from './catalog/settings.ts';
import { defaultTransferSettings, type TransferSettings } from './settings.ts';
import { startTransfer, type RunningTransfer } from './transfer/start-transfer.ts';
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
  /** Where other regions reach this one: `host:port`. */
  readonly peerListen: string;
  readonly peerTls?: TlsFiles | undefined;
  /** Where the region's front ends reach it; without it they are in this process. */
  readonly listen?: string;
  readonly tls?: TlsFiles | undefined;
  readonly catalogSettings?: Partial<CatalogSettings>;
  readonly transferSettings?: Partial<TransferSettings>;
  readonly onEvent: OnRegionEvent;
  readonly onPeerBytes: OnPeerBytes;
  /** Faults of the program, and disturbances that heal by themselves; `method` names the call they happened in. */
  readonly onFault: (error: unknown, method?: string) => void;
}

/** One region's replication, for its front ends. */
export interface ReplicationService {
  readonly catalog: Catalog;
  readonly transfer: Transfer;
  /** The uploads of all regions, carried to where they lie. */
  readonly uploads: Uploads;
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
  options: ReplicationOptions,
  signal: AbortSignal,
): Promise<ReplicationService> {
  const { region } = options;
  const opened = await openCatalog(
    { ...options, leases: options.etcd, ...withSettings(options.catalogSettings) },
    signal,
  );
  const moving = startTransfer({
    ...options,
    catalog: wantedCatalog(opened.view, region),
    settings: { ...defaultTransferSettings, ...options.transferSettings },
  });
  const stopping = new AbortController();
  const catalog = endingFollow(catalogOf(opened, moving, options), stopping.signal);
  const servers: RpcServer[] = [];
  const stop = async (graceMs: number): Promise<void> => {
    stopping.abort(new Error('The service stops.'));
    await Promise.all([...servers.map((server) => server.close(graceMs)), moving.stop(graceMs)]);
    await opened.stop();
  };
  try {
    const peerPort = await servePeers(moving, options, servers);
    const port = await serveFrontends(catalog, moving, options, servers);
    await moving.untilMet(signal);
    return { catalog, transfer: moving.transfer, uploads: moving.uploads, peerPort, port, stop };
  } catch (error) {
    await stop(0);
    throw error;
  }
}

/** Peers get the uploads that lie here, never those of a third region. */
function servePeers(
  { peer }: RunningTransfer,
  { uploads, peerTls, peerListen, onFault }: ReplicationOptions,
  servers: RpcServer[],
): Promise<number> {
  const server = createServer(peerTls, onFault, servers);
  server.add(peerContract, peer);
  server.add(uploadsContract, uploads);
  return server.listen(peerListen);
}

async function serveFrontends(
  catalog: Catalog,
  { transfer, uploads }: RunningTransfer,
  { tls, listen, onFault }: ReplicationOptions,
  servers: RpcServer[],
): Promise<number | undefined> {
  if (listen === undefined) return undefined;
  const server = createServer(tls, onFault, servers);
  server.add(catalogContract, catalog);
  server.add(transferContract, transfer);
  server.add(uploadsContract, uploads);
  return server.listen(listen);
}

function catalogOf(opened: OpenCatalog, moving: RunningTransfer, options: ReplicationOptions): Catalog {
  return opened.handlers({
    storage: options.storage,
    pins: moving.pinFinder,
    holder: moving.holder,
    transfer: () => moving.status(),
    onEvent: options.onEvent,
  });
}

/** Front ends follow for ever: their streams end first, or no server could be closed. */
function endingFollow(catalog: Catalog, stopping: AbortSignal): Catalog {
  return {
    ...catalog,
    follow: (request, { signal }) => catalog.follow(request, { signal: AbortSignal.any([signal, stopping]) }),
  };
}

function createServer(tls: TlsFiles | undefined, onFault: OnFault, servers: RpcServer[]): RpcServer {
  const server = createRpcServer({ ...(tls === undefined ? {} : { tls }), onFault });
  servers.push(server);
  return server;
}

function withSettings(settings: Partial<CatalogSettings> | undefined): {
  settings?: Partial<CatalogSettings>;
} {
  return settings === undefined ? {} : { settings };
}
