import { setTimeout as sleep } from 'node:timers/promises';
import { createPrompt } from './input/secret.ts';
import { createTerminal } from './output/terminal.ts';
import { run } from './run.ts';

/** The entry of `npx meridian`; what it does is in `run.ts`. */
const interrupted = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => interrupted.abort());

// Whoever reads has seen enough: `meridian … | head`.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit();
});

process.exitCode = await run(process.argv.slice(2), {
  out: createTerminal(process.stdout, process.env),
  err: createTerminal(process.stderr, process.env),
  prompt: createPrompt(process.stdin, process.stderr),
  env: process.env,
  signal: interrupted.signal,
  now: () => performance.now(),
  sleep: (ms, signal) => sleep(ms, undefined, { signal }),
});
