import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { NODE_ARGUMENTS, NODE_ENVIRONMENT } from '#services/cluster/node-options.ts';

/** A service that runs as a process of its own. */
export interface ServiceProcess {
  readonly pid: number;
  /** What it has written to its log so far: a line of JSON for each event. */
  log(): string;
  /** What it has written to standard error so far. */
  errors(): string;
  /** The most memory that the process has ever had, in bytes. */
  peakMemoryBytes(): Promise<number>;
  /** Ends it as a crash would. */
  kill(): Promise<void>;
  /** Asks it to stop, and gives its exit code. */
  stop(): Promise<number | null>;
}

export interface EndedProcess {
  readonly code: number | null;
  readonly errors: string;
}

const services = join(import.meta.dirname, '../../services');

/** Starts `services/<entry>`; resolves when it serves, and rejects with what it wrote to standard error where it does not come up. */
export async function startService(
  entry: string,
  env: Readonly<Record<string, string>>,
): Promise<ServiceProcess> {
  const child = launch(entry, env);
  let log = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => (log += text));
  let errors = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (errors += text));
  const ended = lastWords(child);
  const failed = ended.then(({ code, errors }) => {
    throw new Error(`services/${entry} ended with ${String(code)}: ${errors}`);
  });
  await Promise.race([once(child, 'message'), failed]);
  failed.catch(() => undefined);
  const end = async (signal: NodeJS.Signals): Promise<number | null> => {
    child.kill(signal);
    return (await ended).code;
  };
  return {
    pid: child.pid ?? 0,
    log: () => log,
    errors: () => errors,
    peakMemoryBytes: async () => {
      const status = await readFile(`/proc/${child.pid ?? 0}/status`, 'utf8');
      return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024;
    },
    kill: async () => {
      await end('SIGKILL');
    },
    stop: () => end('SIGTERM'),
  };
}

/** Runs `services/<entry>` to its end, for one that is not expected to come up. */
export function runService(entry: string, env: Readonly<Record<string, string>>): Promise<EndedProcess> {
  return lastWords(launch(entry, env));
}

function launch(entry: string, env: Readonly<Record<string, string>>): ChildProcess {
  return fork(join(services, entry), {
    env: { ...NODE_ENVIRONMENT, PATH: process.env['PATH'], ...env },
    execArgv: [...NODE_ARGUMENTS],
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
}

async function lastWords(child: ChildProcess): Promise<EndedProcess> {
  let errors = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (errors += text));
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, errors };
}
