import { readEnv } from '#libs/config/env.ts';
import { runService } from '#libs/lifecycle/run.ts';
import { keepTls } from '#libs/tls/keeper.ts';
import { coordinatorSettings } from './config.ts';
import { startCoordinator } from './service.ts';

const GRACE_MS = 3_000;

await runService('coordinator', async () => {
  const { listen, dataDir, tls } = readEnv(coordinatorSettings, process.env);
  const say = (level: 'info' | 'error', message: string): void => {
    process.stderr.write(`${JSON.stringify({ level, service: 'coordinator', message })}\n`);
  };
  const reportFault = (error: unknown): void =>
    say('error', error instanceof Error ? (error.stack ?? error.message) : String(error));
  const certificates = keepTls({
    onRenewed: ({ cert }) => say('info', `New connections use the new certificate in ${cert}.`),
    onRefused: (why) => say('error', `A new certificate is not used; the one before stays in use. ${why}`),
  });
  const host = listen.host.includes(':') ? `[${listen.host}]` : listen.host;
  const coordinator = await startCoordinator({
    dataDir,
    listen: `${host}:${listen.port}`,
    tls: certificates.open(tls),
    onFault: reportFault,
  });
  process.send?.({ kind: 'ready', address: coordinator.address });
  return {
    graceMs: GRACE_MS,
    reload: certificates.reload,
    stop: (graceMs) => coordinator.stop(graceMs),
    reportFault,
  };
});
