import { readEnv } from '#libs/config/env.ts';
import { runService } from '#libs/lifecycle/run.ts';
import { coordinatorSettings } from './config.ts';
import { startCoordinator } from './service.ts';

const GRACE_MS = 3_000;

await runService('coordinator', async () => {
  const { listen, dataDir, tls } = readEnv(coordinatorSettings, process.env);
  const reportFault = (error: unknown): void => {
    const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
    process.stderr.write(`${JSON.stringify({ level: 'error', service: 'coordinator', message })}\n`);
  };
  const host = listen.host.includes(':') ? `[${listen.host}]` : listen.host;
  const coordinator = await startCoordinator({
    dataDir,
    listen: `${host}:${listen.port}`,
    tls,
    onFault: reportFault,
  });
  process.send?.({ kind: 'ready', address: coordinator.address });
  return { graceMs: GRACE_MS, stop: (graceMs) => coordinator.stop(graceMs), reportFault };
});
