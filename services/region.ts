import { openCache } from '#libs/cache/open.ts';
import { readEnv } from '#libs/config/env.ts';
import { connectEtcd } from '#libs/etcd/client.ts';
import { startAdminServer } from '#libs/lifecycle/admin.ts';
import { runService, type RunningService } from '#libs/lifecycle/run.ts';
import { createLog } from '#libs/telemetry/log.ts';
import { createMetrics } from '#libs/telemetry/metrics.ts';
import { startTracing } from '#libs/telemetry/tracing.ts';
import { keepTls, toldToLog } from '#libs/tls/keeper.ts';
import { requireSafe } from './frontend/auth/config.ts';
import { regionSettings } from './region/config.ts';
import { startRegion } from './region/start.ts';

const SERVICE = 'region';
/** What spans may take to leave at the end. */
const FLUSH_SPANS_MS = 2_000;

/** One region in one process: front end, storage and replication. A process that forked it hears of its events. */
await runService(SERVICE, async (signal): Promise<RunningService> => {
  const config = readEnv(regionSettings, process.env);
  requireSafe(config);
  const { region, adminListen } = config;
  const log = createLog({ service: SERVICE, region, level: config.logLevel });
  const tracing = await startTracing({ service: SERVICE, ...config });
  const metrics = createMetrics({ service: SERVICE, region });
  const certificates = keepTls(toldToLog(log));
  const etcd = connectEtcd({
    endpoints: config.etcd,
    callTimeoutMs: config.etcdTimeoutMs,
    tls: certificates.open(config.etcdTls),
    login: config.etcdLogin,
  });
  const cache = openCache({
    ...config,
    onUnreachable: (err) => log.warn({ err }, 'Redis is away; nothing is lost, some work may be done twice.'),
  });
  const running = await startRegion(
    {
      ...{ config, certificates, etcd, cache, metrics, log },
      onEvent: (event) => {
        log.info({ event }, 'event');
        process.send?.({ kind: 'event', event });
      },
      // To whoever started this process, and never to the log.
      onFirstAdministrator: (made) => process.send?.({ kind: 'administrator', ...made }),
    },
    signal,
  );
  const admin =
    adminListen &&
    (await startAdminServer({
      listen: adminListen,
      metrics: () => metrics.text(),
      ready: async () => ({ disk: running.storage.ready() }),
    }));
  log.info({ config: { ...config, redisUrl: undefined } }, 'The region is ready.');
  process.send?.({ kind: 'ready' });
  return {
    graceMs: config.stopGraceMs,
    reload: certificates.reload,
    stop: async (graceMs) => {
      await running.stop(graceMs);
      await admin?.close();
      etcd.close();
      certificates.close();
      await cache.close();
      await tracing.stop(FLUSH_SPANS_MS);
    },
    reportFault: (err) => log.error({ err }, 'The process met a fault that nothing caught, and ends.'),
  };
});
