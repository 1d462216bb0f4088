import { fork, type ChildProcess } from 'node:child_process';
import { closeSync, openSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { RegionEvent } from '#libs/region-event.ts';
import { NODE_ARGUMENTS, NODE_ENVIRONMENT } from './node-options.ts';
import type { PlannedProcess } from './plan.ts';

/** What a process tells its launcher over IPC. */
export type ChildMessage =
  | { readonly kind: 'ready' }
  | { readonly kind: 'event'; readonly event: RegionEvent }
  | ({ readonly kind: 'administrator' } & FirstAdministrator);

/** Made by one of the regions, once for the cluster. */
export interface FirstAdministrator {
  readonly name: string;
  /** Shown once. */
  readonly password?: string;
}

/** What the launcher does when a process tells of something. */
export interface OnChild {
  readonly event: (event: RegionEvent) => void;
  readonly administrator: (made: FirstAdministrator) => void;
}

export interface Child {
  readonly name: string;
  /** Resolves once the process serves; rejects with its last words if it ends before. */
  readonly ready: Promise<void>;
  /** Resolves when the process has ended, with what ended it. */
  readonly ended: Promise<string>;
  stop(): void;
}

const servicesDir = join(import.meta.dirname, '..');
const MAX_LAST_WORDS = 4_096;

/**
 * Starts a process of the cluster. It has a process group of its own, so that Ctrl-C reaches the launcher alone, and it ends by itself
 * when the launcher is gone. Its log lines go to
 * `log.jsonl` in its data directory, its process id to `pid`.
 */
export function startChild(planned: PlannedProcess, on: OnChild): Child {
  const log = openSync(join(planned.dataDir, 'log.jsonl'), 'a');
  const child = fork(join(servicesDir, planned.entry), {
    execArgv: [...NODE_ARGUMENTS],
    env: { ...NODE_ENVIRONMENT, ...inheritedEnv(planned), ...planned.env },
    stdio: ['ignore', log, 'pipe', 'ipc'],
    detached: true,
  });
  closeSync(log);
  writeFileSync(join(planned.dataDir, 'pid'), `${child.pid ?? ''}\n`);
  const lastWords = collect(child);
  const ended = new Promise<string>((resolve) => {
    child.once('exit', (code, signal) => resolve(signal ?? `exit code ${code ?? 'unknown'}`));
  });
  const ready = new Promise<void>((resolve, reject) => {
    child.on('message', (message: ChildMessage) => {
      if (message.kind === 'ready') resolve();
      else if (message.kind === 'administrator') on.administrator(message);
      else on.event(message.event);
    });
    child.once('close', () => reject(new Error(lastWords() || `${planned.name} ended before it was ready.`)));
  });
  ready.catch(() => undefined);
  return { name: planned.name, ready, ended, stop: () => child.kill('SIGTERM') };
}

function inheritedEnv({ takesSettings }: PlannedProcess): NodeJS.ProcessEnv {
  const meant = Object.entries(process.env).filter(
    ([name]) => takesSettings || !name.startsWith('MERIDIAN_'),
  );
  return Object.fromEntries(meant);
}

/** Keeps the end of what the process writes to standard error. */
function collect(child: ChildProcess): () => string {
  let text = '';
  child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
    text = (text + chunk).slice(-MAX_LAST_WORDS);
  });
  return () => text.trim();
}
