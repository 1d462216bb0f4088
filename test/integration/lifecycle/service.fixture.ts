import { createServer } from 'node:http';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { readEnv, setting } from '#libs/config/env.ts';
import { hostPort, integer } from '#libs/config/values.ts';
import { runService } from '#libs/lifecycle/run.ts';

/** A service that does on command what real ones meet. Says `listening` and, as it ends, how. */
await runService('fixture', async (signal) => {
  const { listen, graceMs } = readEnv(
    {
      listen: setting('MERIDIAN_LISTEN', hostPort),
      graceMs: setting('MERIDIAN_GRACE_MS', integer({ unit: 'milliseconds', min: 1, max: 60_000 }), 1_000),
    },
    process.env,
  );
  const deed = process.argv[2];
  if (deed === 'make-directory') mkdirSync(join(import.meta.filename, 'data'), { recursive: true });
  if (deed === 'start-forever') {
    process.stdout.write('starting\n');
    const keepAlive = setInterval(() => undefined, 1_000);
    await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)));
    clearInterval(keepAlive);
  }
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(listen, resolve);
  });
  process.stdout.write('listening\n');
  // eslint-disable-next-line @typescript-eslint/no-floating-promises -- the fault that is to be met
  if (deed === 'reject') Promise.reject(new Error('nobody caught me'));
  return {
    graceMs,
    stop: async (grace) => {
      process.stdout.write(`stopping within ${grace}\n`);
      if (deed === 'stop-forever') await new Promise(() => undefined);
    },
    ...(deed === 'reject'
      ? { reportFault: (error) => process.stdout.write(`fault: ${String(error)}\n`) }
      : {}),
  };
});
