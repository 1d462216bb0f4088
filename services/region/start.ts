import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import type { SharedCache } from '#libs/cache/leases.ts';
import type { ValuesOf } from '#libs/config/env.ts';
import type { EtcdClient } from '#libs/etcd/store.ts';
import type { OnRegionEvent } from '#libs/region-event.ts';
import {
  authContract,
  catalogContract,
  operationsContract,
  reclaimContract,
  scrubContract,
  storageContract,
  transferContract,
  uploadsContract,
} from '#libs/rpc/contracts.ts';
import { localClient } from '#libs/rpc/local.ts';
import type { Logger } from '#libs/telemetry/log.ts';
import type { Metrics } from '#libs/telemetry/metrics.ts';
import { httpMetrics } from '#libs/telemetry/metrics/http.ts';
import { healingMetrics } from '#libs/telemetry/metrics/healing.ts';
import { replicationMetrics } from '#libs/telemetry/metrics/replication.ts';
import { storageMetrics } from '#libs/telemetry/metrics/storage.ts';
import { summaryMetrics } from '#libs/telemetry/metrics/summaries.ts';
import type { TlsKeeper } from '#libs/tls/keeper.ts';
import { accessLog } from '../frontend/access-log.ts';
import { authSettingsFrom, readAdminPassword, readDirectoryPassword } from '../frontend/auth/config.ts';
import type { FirstAdministrator } from '../frontend/auth/first-administrator.ts';
import { frontendSettingsFrom } from '../frontend/config.ts';
import { startFrontend } from '../frontend/service.ts';
import { catalogSettingsFrom, collectSettingsFrom, transferSettingsFrom } from '../replication/config.ts';
import { startReplication, type ReplicationService } from '../replication/service.ts';
import { storageSettingsFrom } from '../storage/config.ts';
import { openStorage, type StorageService } from '../storage/service.ts';
import { toldBy } from '../storage/told.ts';
import type { regionSettings } from './config.ts';

export interface RegionOptions {
  readonly config: ValuesOf<typeof regionSettings>;
  readonly certificates: Pick<TlsKeeper, 'open'>;
  /** The caller's to close, after the region has stopped. */
  readonly etcd: EtcdClient;
  readonly cache: SharedCache;
  readonly metrics: Metrics;
  readonly log: Logger;
  readonly onEvent: OnRegionEvent;
  readonly onFirstAdministrator: (made: FirstAdministrator) => void;
}

export interface RunningRegion {
  readonly storage: StorageService;
  readonly replication: ReplicationService;
  /** Front end first, storage last: each goes on until nobody needs it. */
  stop(graceMs: number): Promise<void>;
}

/** Starts one region's three services in this process, where they call each other without a wire. */
export async function startRegion(options: RegionOptions, signal: AbortSignal): Promise<RunningRegion> {
  const { config, log } = options;
  const started: { stop(graceMs: number): Promise<void> }[] = [];
  const stop = async (graceMs: number): Promise<void> => {
    const endBy = performance.now() + graceMs;
    for (const service of started.reverse()) await service.stop(Math.max(0, endBy - performance.now()));
  };
  try {
    const storage = await openStorage({
      dataDir: join(config.dataDir, 'storage'),
      region: config.region,
      settings: storageSettingsFrom(config),
      ...toldBy(log, options.metrics),
    });
    started.push(storage);
    const replication = await replicate(options, storage, signal);
    started.push(replication);
    started.push(await serve(options, storage, replication));
    return { storage, replication, stop };
  } catch (error) {
    await stop(0);
    throw error;
  }
}

async function replicate(
  { config, certificates, etcd, cache, metrics, log, onEvent }: RegionOptions,
  storage: StorageService,
  signal: AbortSignal,
): Promise<ReplicationService> {
  storageMetrics(metrics, () => storage.storage.stats({}, { signal }));
  const countHealing = healingMetrics(metrics);
  // Filled below: the service wants the counter that the metrics give.
  const started: { service?: ReplicationService } = {};
  const onPeerBytes = replicationMetrics(metrics, async () => {
    if (started.service === undefined) throw new Error('The region has not started yet.');
    return started.service.catalog.status({}, { signal });
  });
  const onExchange = summaryMetrics(metrics, async () => {
    if (started.service === undefined) throw new Error('The region has not started yet.');
    return started.service.comparer;
  });
  started.service = await startReplication(
    {
      region: config.region,
      process: randomUUID(),
      etcd,
      leases: cache,
      dataDir: join(config.dataDir, 'replication'),
      regions: config.regions,
      storage: localClient(storageContract, storage.storage),
      uploads: localClient(uploadsContract, storage.uploads),
      reclaim: localClient(reclaimContract, storage.reclaim),
      scrub: localClient(scrubContract, storage.scrub),
      peerListen: config.peerListen,
      peerTls: certificates.open(config.peerTls),
      catalogSettings: catalogSettingsFrom(config),
      transferSettings: transferSettingsFrom(config),
      collectSettings: collectSettingsFrom(config),
      retentionIntervalMs: config.retentionIntervalMs,
      onEvent: (event) => {
        countHealing(event);
        onEvent(event);
      },
      onPeerBytes,
      onExchange,
      onFault: (err, method) => log.warn({ err, method }, 'Something went wrong that should not.'),
    },
    signal,
  );
  return started.service;
}

function serve(
  { config, certificates, metrics, log, cache, onFirstAdministrator }: RegionOptions,
  storage: StorageService,
  replication: ReplicationService,
): ReturnType<typeof startFrontend> {
  const count = httpMetrics(metrics);
  const logRequest = accessLog(log);
  const auditDir = config.auditDir ?? join(config.dataDir, 'audit');
  const authSettings = authSettingsFrom({ ...config, auditDir });
  return startFrontend({
    listen: config.listen,
    tls: certificates.open(config.httpTls),
    region: config.region,
    settings: frontendSettingsFrom(config),
    ...(authSettings && {
      authentication: {
        auth: localClient(authContract, replication.auth),
        counters: cache,
        settings: authSettings,
        firstAdministrator: { password: readAdminPassword(config), onMade: onFirstAdministrator },
        readDirectoryPassword: () => readDirectoryPassword(config),
        clock: Date.now,
      },
    }),
    storage: localClient(storageContract, storage.storage),
    isStorageHere: true,
    uploads: localClient(uploadsContract, storage.uploads),
    remoteUploads: localClient(uploadsContract, replication.uploads),
    catalog: localClient(catalogContract, replication.catalog),
    transfer: localClient(transferContract, replication.transfer),
    elsewhere: localClient(transferContract, replication.transfer),
    operations: localClient(operationsContract, replication.operations),
    scrub: localClient(scrubContract, storage.scrub),
    regionsUsed: () => [],
    onRequest: (record) => {
      count(record);
      logRequest(record);
    },
    onFault: (err, where) => log.error({ err, where }, 'A request failed in a way it should not.'),
    onAnnounceFailure: (blob, err) => log.info({ blob, err }, 'Other regions were not told of a new blob.'),
  });
}
