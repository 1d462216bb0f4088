import { openCache } from '#libs/cache/open.ts';
import { readEnv } from '#libs/config/env.ts';
import { startAdminServer, type AdminServer } from '#libs/lifecycle/admin.ts';
import { runService, type RunningService } from '#libs/lifecycle/run.ts';
import { openRpcChannel, type RpcChannel } from '#libs/rpc/client.ts';
import {
  authContract,
  catalogContract,
  operationsContract,
  scrubContract,
  storageContract,
  transferContract,
  uploadsContract,
} from '#libs/rpc/contracts.ts';
import { createLog } from '#libs/telemetry/log.ts';
import { createMetrics, type Metrics } from '#libs/telemetry/metrics.ts';
import { elsewhereMetrics } from '#libs/telemetry/metrics/elsewhere.ts';
import { httpMetrics } from '#libs/telemetry/metrics/http.ts';
import { startTracing } from '#libs/telemetry/tracing.ts';
import { keepTls, toldToLog } from '#libs/tls/keeper.ts';
import { accessLog } from './access-log.ts';
import { authSettingsFrom, readAdminPassword, readDirectoryPassword, requireSafe } from './auth/config.ts';
import type { FirstAdministrator } from './auth/first-administrator.ts';
import { frontendProcessSettings, frontendSettingsFrom } from './config.ts';
import { connectElsewhere, type Elsewhere, type OwnServices } from './elsewhere/connect.ts';
import { createUsedRegions } from './elsewhere/used.ts';
import { isReady } from './ready.ts';
import { startFrontend } from './service.ts';

const SERVICE = 'frontend';
/** What spans may take to leave at the end. */
const FLUSH_SPANS_MS = 2_000;

await runService(SERVICE, start);

async function start(): Promise<RunningService> {
  const config = readEnv(frontendProcessSettings, process.env);
  requireSafe(config);
  const { region, listen, stopGraceMs } = config;
  const log = createLog({ service: SERVICE, region, level: config.logLevel });
  const tracing = await startTracing({ service: SERVICE, ...config });
  const certificates = keepTls(toldToLog(log));
  const tls = certificates.open(config.tls);
  const channels = {
    storage: openRpcChannel({ address: config.storage, tls, isOwnRegion: true }),
    replication: openRpcChannel({ address: config.replication, tls, isOwnRegion: true }),
  };
  const metrics = createMetrics({ service: SERVICE, region });
  const countElsewhere = elsewhereMetrics(metrics);
  const used = createUsedRegions();
  const collaborators = connectElsewhere(clients(channels), {
    region,
    regions: (config.regions ?? []).filter(({ name }) => name !== region),
    peerTls: certificates.open(config.peerTls),
    onUsed: (use) => {
      countElsewhere(use);
      used.note(use);
    },
    onAway: (who, err) => log.warn({ err }, `What is asked of ${who} goes elsewhere: it does not answer.`),
    onBack: (who) => log.info(`What is asked of ${who} goes there again.`),
  });
  const cache = openCache({
    ...config,
    onUnreachable: (err) =>
      log.warn({ err }, 'Redis is away: failed logins are counted by each process for itself.'),
  });
  const authSettings = authSettingsFrom(config);
  const count = httpMetrics(metrics);
  const logRequest = accessLog(log);
  const frontend = await startFrontend({
    ...collaborators,
    listen,
    tls: certificates.open(config.httpTls),
    region,
    settings: frontendSettingsFrom(config),
    ...(authSettings && {
      authentication: {
        auth: collaborators.auth,
        counters: cache,
        settings: authSettings,
        firstAdministrator: { password: readAdminPassword(config), onMade: showAdministrator },
        readDirectoryPassword: () => readDirectoryPassword(config),
        clock: Date.now,
      },
    }),
    regionsUsed: (signal) => used.of(signal),
    onRequest: (record) => {
      count(record);
      logRequest(record);
    },
    onFault: (err, where) => log.error({ err, where }, 'A request failed in a way it should not.'),
    onAnnounceFailure: (blob, err) => log.info({ blob, err }, 'Other regions were not told of a new blob.'),
  });
  const admin = config.adminListen && (await serveAdmin(config.adminListen, metrics, collaborators));
  log.info({ listen, port: frontend.port, adminPort: admin?.port }, 'The front end is ready.');
  process.send?.({ kind: 'ready', port: frontend.port, adminPort: admin?.port });
  return {
    graceMs: stopGraceMs,
    reload: certificates.reload,
    stop: async (graceMs) => {
      await frontend.stop(graceMs);
      collaborators.close();
      for (const channel of Object.values(channels)) channel.close();
      await admin?.close();
      certificates.close();
      await cache.close();
      await tracing.stop(FLUSH_SPANS_MS);
    },
    reportFault: (err) => log.error({ err }, 'The process met a fault that nothing caught, and ends.'),
  };
}

/** On standard output, once, and never in the log. */
function showAdministrator({ name, password }: FirstAdministrator): void {
  if (password === undefined) return;
  const change = `npx meridian login, then npx meridian auth users password ${name}`;
  process.stdout.write(
    `The first administrator is ${name}, with the password ${password} (change it: ${change})\n`,
  );
}

function clients({ storage, replication }: Record<'storage' | 'replication', RpcChannel>): OwnServices {
  return {
    storage: storage.client(storageContract),
    uploads: storage.client(uploadsContract),
    remoteUploads: replication.client(uploadsContract),
    auth: replication.client(authContract),
    catalog: replication.client(catalogContract),
    transfer: replication.client(transferContract),
    operations: replication.client(operationsContract),
    scrub: storage.client(scrubContract),
  };
}

function serveAdmin(
  listen: { host: string; port: number },
  metrics: Metrics,
  collaborators: Elsewhere,
): Promise<AdminServer> {
  return startAdminServer({
    listen,
    metrics: () => metrics.text(),
    ready: (signal) => isReady(collaborators, () => collaborators.answers(), signal),
  });
}
