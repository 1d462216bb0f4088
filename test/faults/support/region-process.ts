import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Failpoint } from '#libs/failpoint.ts';
import { NODE_ARGUMENTS, NODE_ENVIRONMENT } from '#services/cluster/node-options.ts';

/** How a region is started this time. */
export interface RegionStart {
  /** It dies there, at the nth passing. */
  readonly failpoint?: Failpoint | `${Failpoint}:${number}`;
  /** Defects it runs with: names of folders in test/faults/mutants. */
  readonly mutants?: readonly string[];
  /** How far its clock is ahead, or behind where it is negative. */
  readonly clockShiftMs?: number;
  /** Settings of this start alone. */
  readonly env?: Readonly<Record<string, string>>;
}

/** A region in a process of its own, and what can happen to it. */
export interface RegionProcess {
  readonly name: string;
  /** `host:port` of its front end; the same over restarts. */
  readonly registry: string;
  /** Its disk: `storage` and `replication` below it. */
  readonly dataDir: string;
  isRunning(): boolean;
  /** Of the process that was started last. */
  pid(): number;
  /** Resolves when it serves. */
  start(start?: RegionStart): Promise<void>;
  /** kill -9; resolves when it is gone. */
  kill(): Promise<void>;
  /** SIGSTOP: connections stay, nothing is answered. */
  pause(): void;
  /** SIGCONT. */
  resume(): void;
  /** Resolves when it has ended, however. */
  ended(): Promise<void>;
  /** Its log over all starts, one line of JSON for each event. */
  log(): string;
}

export interface PlannedRegion {
  readonly name: string;
  readonly registry: string;
  readonly dataDir: string;
  readonly env: Readonly<Record<string, string>>;
}

const root = join(import.meta.dirname, '../../..');
const clockHook = join(import.meta.dirname, 'clock-hook.ts');
const mutantsHook = join(import.meta.dirname, 'mutants-hook.ts');

export async function planProcess({ name, registry, dataDir, env }: PlannedRegion): Promise<RegionProcess> {
  await mkdir(dataDir, { recursive: true });
  const logFile = `${dataDir}.log.jsonl`;
  let child: ChildProcess | undefined;
  const isRunning = (): boolean => child?.exitCode === null && child.signalCode === null;
  const ended = async (): Promise<void> => {
    if (child !== undefined && isRunning()) await once(child, 'exit');
  };
  return {
    name,
    registry,
    dataDir,
    isRunning,
    pid: () => child?.pid ?? 0,
    ended,
    start: async ({ failpoint, mutants = [], clockShiftMs = 0, env: more } = {}) => {
      const log = openSync(logFile, 'a');
      child = fork(join(root, 'services/region.ts'), {
        execArgv: [
          ...NODE_ARGUMENTS,
          ...(mutants.length === 0 ? [] : ['--import', mutantsHook]),
          ...(clockShiftMs === 0 ? [] : ['--import', clockHook]),
        ],
        env: {
          ...inherited(),
          ...NODE_ENVIRONMENT,
          ...env,
          ...more,
          ...(failpoint === undefined ? {} : { MERIDIAN_FAILPOINT: failpoint }),
          MERIDIAN_FAULTS_MUTANTS: mutants.join(','),
          MERIDIAN_FAULTS_CLOCK_SHIFT_MS: String(clockShiftMs),
        },
        stdio: ['ignore', log, log, 'ipc'],
      });
      closeSync(log);
      await untilReady(child, name, logFile);
    },
    kill: async () => {
      child?.kill('SIGKILL');
      await ended();
    },
    pause: () => void child?.kill('SIGSTOP'),
    resume: () => void child?.kill('SIGCONT'),
    log: () => readFileSync(logFile, 'utf8'),
  };
}

async function untilReady(child: ChildProcess, name: string, logFile: string): Promise<void> {
  const ready = new Promise<void>((resolve) => {
    child.on('message', ({ kind }: { kind: string }) => {
      if (kind === 'ready') resolve();
    });
  });
  const failed = once(child, 'exit').then(() => {
    const words = readFileSync(logFile, 'utf8').slice(-2_000);
    throw new Error(`The region ${name} ended before it was ready:\n${words}`);
  });
  failed.catch(() => undefined);
  await Promise.race([ready, failed]);
}

/** Nothing that is meant for other processes: settings of Meridian's, and proxies that are not the suite's. */
function inherited(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^MERIDIAN_|proxy$/i.test(name)));
}
