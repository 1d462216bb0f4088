import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export const REGIONS = ['us', 'eu', 'ap'] as const;
export type RegionName = (typeof REGIONS)[number];

/** A cluster as `npm start` brings it up, with a data directory and ports of its own. */
export interface TestCluster {
  readonly dataDir: string;
  /** `host:port` of a region's front end. */
  registry(region: string): string;
  /** `host:port` of where a region answers the others: what it is added with. */
  endpoint(region: string): string;
  /** `npm start -- --region …` for one that was added to the cluster, in the fourth place. */
  startAdded(region: string): Promise<void>;
  /** Everything the launcher has printed so far. */
  output(): string;
  /** The value of a metric of a region; the sum over all its labels that `labels` is part of. */
  metric(region: RegionName, name: string, labels?: string): Promise<number>;
  /** Ends a region's process without warning. */
  kill(region: string): Promise<void>;
  /** `npm start -- --region …`: brings one region back. */
  restart(region: RegionName): Promise<void>;
  /** Ends the first launcher without warning. */
  killLauncher(): void;
  /** SIGINT to the launchers, as Ctrl-C does; gives the first one's exit code. */
  stop(): Promise<number | null>;
  /** Stops and removes the data. */
  dispose(): Promise<void>;
}

export interface ClusterOptions {
  readonly args?: readonly string[];
  readonly env?: Record<string, string>;
  /** Uses what an earlier cluster left. */
  readonly dataDir?: string;
  readonly firstPort?: number;
}

const entry = join(import.meta.dirname, '../../services/cluster.ts');

export async function startCluster(options: ClusterOptions = {}): Promise<TestCluster> {
  const dataDir = options.dataDir ?? (await mkdtemp(join(tmpdir(), 'meridian-')));
  const firstPort = options.firstPort ?? (await freePorts());
  const args = ['--data', dataDir, '--port', String(firstPort), ...(options.args ?? [])];
  const launchers = [await launch(args, options.env)];
  const port = (region: string, offset: number): number => {
    const place = REGIONS.findIndex((name) => name === region);
    return firstPort + offset + (place === -1 ? REGIONS.length : place);
  };
  const stop = async (): Promise<number | null> => {
    const codes = await Promise.all(launchers.reverse().map(interrupt));
    return codes.at(-1) ?? null;
  };
  return {
    dataDir,
    registry: (region) => `127.0.0.1:${port(region, 0)}`,
    endpoint: (region) => `127.0.0.1:${port(region, 100)}`,
    startAdded: async (region) => {
      launchers.push(await launch([...args, '--region', region], options.env));
    },
    output: () => launchers.map((launcher) => launcher.output()).join(''),
    metric: async (region, name, labels = '') => {
      const response = await fetch(`http://127.0.0.1:${port(region, 110)}/metrics`);
      return sumOf(await response.text(), name, labels);
    },
    kill: async (region) => {
      const pid = Number(await readFile(join(dataDir, region, 'pid'), 'utf8'));
      process.kill(pid, 'SIGKILL');
      await gone(pid);
    },
    restart: async (region) => {
      launchers.push(await launch([...args, '--region', region], options.env));
    },
    killLauncher: () => {
      launchers[0]?.process.kill('SIGKILL');
    },
    stop,
    dispose: async () => {
      await stop();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

interface Launcher {
  readonly process: ChildProcess;
  readonly output: () => string;
}

async function launch(args: readonly string[], env: Record<string, string> = {}): Promise<Launcher> {
  const launcher = spawn(process.execPath, [entry, ...args], {
    env: { ...process.env, ...env },
    stdio: 'pipe',
  });
  let text = '';
  const ready = Promise.withResolvers<undefined>();
  const listen = (chunk: Buffer): void => {
    text += chunk.toString();
    if (text.includes('Ctrl-C stops everything')) ready.resolve(undefined);
  };
  launcher.stdout.on('data', listen);
  launcher.stderr.on('data', listen);
  launcher.once('close', () => ready.reject(new Error(`the cluster ended before it was ready:\n${text}`)));
  await ready.promise;
  return { process: launcher, output: () => text };
}

async function interrupt({ process: launcher }: Launcher): Promise<number | null> {
  if (launcher.exitCode === null && launcher.signalCode === null) {
    const exited = once(launcher, 'exit');
    // As under npm, where the terminal and npm both pass Ctrl-C on.
    launcher.kill('SIGINT');
    launcher.kill('SIGINT');
    await exited;
  }
  return launcher.exitCode;
}

async function gone(pid: number): Promise<void> {
  for (;;) {
    try {
      process.kill(pid, 0);
    } catch {
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** A first port such that all the ports a cluster uses are free right now. */
export async function freePorts(): Promise<number> {
  for (;;) {
    const first = 20_000 + Math.floor(Math.random() * 12_000);
    const needed = [0, 1, 2, 3, 99, 100, 101, 102, 103, 110, 111, 112, 113].map((offset) => first + offset);
    if ((await Promise.all(needed.map(isFree))).every(Boolean)) return first;
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen({ host: '127.0.0.1', port }, () => probe.close(() => resolve(true)));
  });
}

function sumOf(text: string, name: string, labels: string): number {
  const lines = text.split('\n').filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `));
  const matching = lines.filter((line) => line.includes(labels));
  return matching.reduce((sum, line) => sum + Number(/\s(\S+)(?:\s\d+)?$/.exec(line)?.[1]), 0);
}
