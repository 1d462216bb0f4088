import { randomUUID } from 'node:crypto';
import type { SharedCache } from '#libs/cache/leases.ts';
import { openCache } from '#libs/cache/open.ts';
import { readEnv } from '#libs/config/env.ts';
import { connectEtcd } from '#libs/etcd/client.ts';
import { startAdminServer, type ReadyReport } from '#libs/lifecycle/admin.ts';
import { runService, type RunningService } from '#libs/lifecycle/run.ts';
import { openRpcChannel } from '#libs/rpc/client.ts';
import {
  reclaimContract,
  scrubContract,
  storageContract,
  uploadsContract,
  type Storage,
} from '#libs/rpc/contracts.ts';
import { createLog } from '#libs/telemetry/log.ts';
import { createMetrics } from '#libs/telemetry/metrics.ts';
import { healingMetrics } from '#libs/telemetry/metrics/healing.ts';
import { replicationMetrics } from '#libs/telemetry/metrics/replication.ts';
import { summaryMetrics } from '#libs/telemetry/metrics/summaries.ts';
import { startTracing } from '#libs/telemetry/tracing.ts';
import { keepTls, toldToLog } from '#libs/tls/keeper.ts';
import {
  catalogSettingsFrom,
  collectSettingsFrom,
  replicationProcessSettings,
  transferSettingsFrom,
} from './config.ts';
import { startReplication, type ReplicationService } from './service.ts';

const SERVICE = 'replication';
/** What spans may take to leave at the end. */
const FLUSH_SPANS_MS = 2_000;

await runService(SERVICE, start);

async function start(signal: AbortSignal): Promise<RunningService> {
  const config = readEnv(replicationProcessSettings, process.env);
  const { region } = config;
  const log = createLog({ service: SERVICE, region, level: config.logLevel });
  const tracing = await startTracing({ service: SERVICE, ...config });
  const certificates = keepTls(toldToLog(log));
  const etcd = connectEtcd({
    endpoints: config.etcd,
    callTimeoutMs: config.etcdTimeoutMs,
    tls: certificates.open(config.etcdTls),
    login: config.etcdLogin,
  });
  const tls = certificates.open(config.tls);
  const own = openRpcChannel({ address: config.storage, tls, isOwnRegion: true });
  const storage = own.client(storageContract);
  const cache = openCache({
    ...config,
    onUnreachable: (err) => log.warn({ err }, 'Redis is away; processes of this region may do work twice.'),
  });
  const metrics = createMetrics({ service: SERVICE, region });
  const countHealing = healingMetrics(metrics);
  const started = Promise.withResolvers<ReplicationService>();
  const onPeerBytes = replicationMetrics(metrics, async () =>
    (await started.promise).catalog.status({}, { signal }),
  );
  const onExchange = summaryMetrics(metrics, async () => (await started.promise).comparer);
  const service = await startReplication(
    {
      ...config,
      process: randomUUID(),
      tls,
      peerTls: certificates.open(config.peerTls),
      etcd,
      leases: cache,
      storage,
      uploads: own.client(uploadsContract),
      reclaim: own.client(reclaimContract),
      catalogSettings: catalogSettingsFrom(config),
      scrub: own.client(scrubContract),
      transferSettings: transferSettingsFrom(config),
      collectSettings: collectSettingsFrom(config),
      retentionIntervalMs: config.retentionIntervalMs,
      onEvent: (event) => {
        countHealing(event);
        log.info({ event }, 'Something happened in this region.');
      },
      onPeerBytes,
      onExchange,
      onFault: (err, method) => log.warn({ err, method }, 'Something went wrong that should not.'),
    },
    signal,
  );
  started.resolve(service);
  const admin =
    config.adminListen &&
    (await startAdminServer({
      listen: config.adminListen,
      metrics: () => metrics.text(),
      ready: (waiting) => readiness(storage, cache, waiting),
    }));
  const { port, peerPort } = service;
  log.info({ port, peerPort, adminPort: admin?.port }, 'The replication is ready.');
  process.send?.({ kind: 'ready', port, peerPort, adminPort: admin?.port });
  return {
    graceMs: config.stopGraceMs,
    reload: certificates.reload,
    stop: async (graceMs) => {
      await service.stop(graceMs);
      await admin?.close();
      own.close();
      etcd.close();
      certificates.close();
      await cache.close();
      await tracing.stop(FLUSH_SPANS_MS);
    },
    reportFault: (err) => log.error({ err }, 'The process met a fault that nothing caught, and ends.'),
  };
}

/** Reads are answered without etcd and without Redis, so neither keeps this process from being ready. */
async function readiness(storage: Storage, cache: SharedCache, signal: AbortSignal): Promise<ReadyReport> {
  const [stats, ping] = await Promise.allSettled([storage.stats({}, { signal }), cache.ping(signal)]);
  const why = (result: PromiseSettledResult<unknown>): { why?: string } =>
    result.status === 'fulfilled' ? {} : { why: (result.reason as Error).message };
  return {
    storage: { ready: stats.status === 'fulfilled', ...why(stats) },
    redis: { ready: true, ...why(ping) },
  };
}
