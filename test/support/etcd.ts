import { fork, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { delimiter, join } from 'node:path';
import { tmpdir } from 'node:os';
import { connectEtcd } from '#libs/etcd/client.ts';

/** A process that speaks etcd's protocol, with a data directory of its own. */
export interface EtcdProcess {
  /** URL for clients; stays the same over restarts. */
  readonly endpoint: string;
  readonly port: number;
  /** kill -9. */
  kill(): Promise<void>;
  /** Starts it again on the same data. */
  restart(): Promise<void>;
  /** Ends it and removes its data. */
  dispose(): Promise<void>;
}

const START_TIMEOUT_MS = 30_000;
const START_ATTEMPTS = 5;
const coordinatorEntry = join(import.meta.dirname, '../../services/coordinator/main.ts');

/** The etcd binary: ETCD_BIN or the first on the PATH. Where there is none, an error if MERIDIAN_TEST_REQUIRE has `etcd`. */
export function findEtcd(): string | undefined {
  const onPath = (process.env['PATH'] ?? '').split(delimiter).map((directory) => join(directory, 'etcd'));
  const candidates = process.env['ETCD_BIN'] ? [process.env['ETCD_BIN']] : onPath;
  const found = candidates.find(isExecutable);
  const required = (process.env['MERIDIAN_TEST_REQUIRE'] ?? '').split(',').includes('etcd');
  if (found === undefined && required)
    throw new Error('MERIDIAN_TEST_REQUIRE names etcd, but ETCD_BIN and the PATH have none.');
  return found;
}

/** Starts a single etcd member. */
export async function startEtcd(): Promise<EtcdProcess> {
  const binary = findEtcd();
  if (binary === undefined) throw new Error('There is no etcd to start.');
  return startProcess((dataDir, clientPort, peerPort) => {
    const [client, peer] = [`http://127.0.0.1:${clientPort}`, `http://127.0.0.1:${peerPort}`];
    const args = ['--name', 'test', '--data-dir', dataDir, '--initial-cluster', `test=${peer}`]
      .concat(['--listen-client-urls', client, '--advertise-client-urls', client])
      .concat(['--listen-peer-urls', peer, '--initial-advertise-peer-urls', peer]);
    return spawn(binary, args, { stdio: 'ignore' });
  });
}

/** Starts the embedded coordinator as it runs in production: a process of its own. */
export async function startCoordinatorProcess(): Promise<EtcdProcess> {
  return startProcess((dataDir, port) =>
    fork(coordinatorEntry, {
      execArgv: [],
      env: { ...process.env, MERIDIAN_LISTEN: `127.0.0.1:${port}`, MERIDIAN_DATA_DIR: dataDir },
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    }),
  );
}

type Launch = (dataDir: string, port: number, peerPort: number) => ChildProcess;

async function startProcess(launch: Launch): Promise<EtcdProcess> {
  for (let attempt = 1; ; attempt++) {
    const dataDir = await mkdtemp(join(tmpdir(), 'meridian-etcd-'));
    const ports = await freePorts();
    const start = (): Promise<ChildProcess> => launchAndWait(() => launch(dataDir, ...ports), ports[0]);
    try {
      return control(await start(), start, dataDir, ports[0]);
    } catch (error) {
      // Another process may have taken a port in the meantime.
      await rm(dataDir, { recursive: true, force: true });
      if (attempt === START_ATTEMPTS) throw error;
    }
  }
}

function control(
  started: ChildProcess,
  start: () => Promise<ChildProcess>,
  dataDir: string,
  port: number,
): EtcdProcess {
  let child = started;
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill(signal);
    await ended;
  };
  return {
    endpoint: `http://127.0.0.1:${port}`,
    port,
    kill: () => end('SIGKILL'),
    restart: async () => {
      child = await start();
    },
    dispose: async () => {
      await end('SIGKILL');
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

/** Resolves when the member answers and has a leader; rejects if the process ends. */
async function launchAndWait(launch: () => ChildProcess, port: number): Promise<ChildProcess> {
  const child = launch();
  const client = connectEtcd({ endpoints: [`http://127.0.0.1:${port}`], callTimeoutMs: 1_000 });
  const ended = new AbortController();
  child.once('exit', () => ended.abort(new Error(`${child.spawnfile} ended before it was ready.`)));
  const signal = AbortSignal.any([ended.signal, AbortSignal.timeout(START_TIMEOUT_MS)]);
  try {
    for (;;) {
      const answered = await client.range({ key: '-' }, signal).then(
        () => true,
        () => false,
      );
      signal.throwIfAborted();
      if (answered) return child;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  } catch (error) {
    child.kill('SIGKILL');
    throw error;
  } finally {
    client.close();
  }
}

async function freePorts(): Promise<[number, number]> {
  const servers = [createServer(), createServer()];
  const ports = await Promise.all(
    servers.map(async (server) => {
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
      return (server.address() as AddressInfo).port;
    }),
  );
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports as [number, number];
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
