import { readEnv } from '#libs/config/env.ts';
import { startAdminServer, type AdminServer } from '#libs/lifecycle/admin.ts';
import { runService, type RunningService } from '#libs/lifecycle/run.ts';
import { reclaimContract, scrubContract, storageContract, uploadsContract } from '#libs/rpc/contracts.ts';
import { createRpcServer } from '#libs/rpc/server.ts';
import { createLog } from '#libs/telemetry/log.ts';
import { createMetrics, type Metrics } from '#libs/telemetry/metrics.ts';
import { storageMetrics } from '#libs/telemetry/metrics/storage.ts';
import { startTracing } from '#libs/telemetry/tracing.ts';
import { keepTls, toldToLog } from '#libs/tls/keeper.ts';
import { storageProcessSettings, storageSettingsFrom } from './config.ts';
import { openStorage, type StorageService } from './service.ts';
import { toldBy } from './told.ts';

const SERVICE = 'storage';
/** What spans may take to leave at the end. */
const FLUSH_SPANS_MS = 2_000;

await runService(SERVICE, start);

async function start(signal: AbortSignal): Promise<RunningService> {
  const config = readEnv(storageProcessSettings, process.env);
  const { region, dataDir, stopGraceMs } = config;
  const log = createLog({ service: SERVICE, region, level: config.logLevel });
  const tracing = await startTracing({ service: SERVICE, ...config });
  const metrics = createMetrics({ service: SERVICE, region });
  const service = await openStorage({
    dataDir,
    region,
    settings: storageSettingsFrom(config),
    ...toldBy(log, metrics),
  });
  const certificates = keepTls(toldToLog(log));
  const server = createRpcServer({
    tls: certificates.open(config.tls),
    onFault: (err, method) => log.error({ err, method }, 'A call failed in a way it should not.'),
  });
  server.add(storageContract, service.storage);
  server.add(uploadsContract, service.uploads);
  server.add(reclaimContract, service.reclaim);
  server.add(scrubContract, service.scrub);
  const port = await server.listen(config.listen);
  const admin = config.adminListen && (await serveAdmin(config.adminListen, metrics, service, signal));
  log.info({ dataDir, listen: config.listen, port, adminPort: admin?.port }, 'The storage is ready.');
  process.send?.({ kind: 'ready', port, adminPort: admin?.port });
  return {
    graceMs: stopGraceMs,
    reload: certificates.reload,
    stop: async (graceMs) => {
      await server.close(graceMs);
      await service.stop(0);
      await admin?.close();
      certificates.close();
      await tracing.stop(FLUSH_SPANS_MS);
    },
    reportFault: (err) => log.error({ err }, 'The process met a fault that nothing caught, and ends.'),
  };
}

function serveAdmin(
  listen: { host: string; port: number },
  metrics: Metrics,
  service: StorageService,
  signal: AbortSignal,
): Promise<AdminServer> {
  storageMetrics(metrics, () => service.storage.stats({}, { signal }));
  return startAdminServer({
    listen,
    metrics: () => metrics.text(),
    ready: async () => ({ disk: service.ready() }),
  });
}
