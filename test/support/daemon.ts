import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { lastLine } from './client-program.ts';

/** A program that tests keep running, such as Docker's engine. */
export interface Daemon {
  /** SIGTERM; resolves when it is gone. */
  readonly stop: () => Promise<void>;
}

export interface DaemonOptions {
  readonly args: readonly string[];
  readonly env?: Record<string, string>;
  /** Resolves when it answers, rejects as long as it does not. */
  readonly answers: () => Promise<unknown>;
}

const START_TIMEOUT_MS = 30_000;
const MAX_LOG_CHARACTERS = 4_000;

/** Starts it and waits until it answers. Rejects with the last that it said if it ends instead, or takes too long. */
export async function startDaemon(name: string, { args, env, answers }: DaemonOptions): Promise<Daemon> {
  const child = spawn(name, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'ignore', 'pipe'] });
  let log = '';
  child.stderr.on('data', (chunk: Buffer) => {
    log = `${log}${chunk.toString()}`.slice(-MAX_LOG_CHARACTERS);
  });
  const ended = once(child, 'close');
  await once(child, 'spawn');
  const hasEnded = (): boolean => child.exitCode !== null || child.signalCode !== null;
  const kill = (): void => {
    child.kill('SIGTERM');
  };
  const stop = async (): Promise<void> => {
    if (!hasEnded()) child.kill('SIGTERM');
    await ended;
    process.off('exit', kill);
  };
  // A run that is cut short leaves no daemon behind.
  process.once('exit', kill);
  const deadline = performance.now() + START_TIMEOUT_MS;
  for (;;) {
    const answered = await answers().then(
      () => true,
      () => false,
    );
    if (answered) return { stop };
    if (hasEnded() || performance.now() > deadline) {
      await stop();
      throw new Error(lastLine(log));
    }
    await pause(50);
  }
}
