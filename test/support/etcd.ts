import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connectEtcd } from '#libs/etcd/client.ts';
import { freePorts } from './ports.ts';
import { findProgram, leftOut, type RunningServer } from './server-program.ts';

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

const found = await findProgram({
  name: 'etcd',
  binary: 'etcd',
  variable: 'ETCD_BIN',
  image: 'quay.io/coreos/etcd:v3.5.30',
});
export const hasEtcd = found.program !== undefined;
/** Undefined where there is none. */
export const etcdProgram = found.program;
/** For the names of tests that need it. */
export const etcdLeftOut = leftOut(found);

const START_TIMEOUT_MS = 60_000;
const START_ATTEMPTS = 5;
const coordinatorEntry = join(import.meta.dirname, '../../services/coordinator/main.ts');

/** Starts a single etcd member. */
export async function startEtcd(): Promise<EtcdProcess> {
  const [member] = await startEtcdMembers(1);
  if (member === undefined) throw new Error('No member was started.');
  return member;
}

/** Starts the members of one etcd cluster. */
export async function startEtcdMembers(count: number): Promise<EtcdProcess[]> {
  if (found.program === undefined) throw new Error(`There is no etcd to start: ${found.missing}.`);
  const { program } = found;
  return retrying(async () => {
    const ports = await freePorts(2 * count);
    const urls = ports.map((port) => `http://127.0.0.1:${port}`);
    const peers = urls.slice(count);
    const cluster = peers.map((peer, i) => `member${i}=${peer}`).join(',');
    return startAll(
      peers.map((peer, i) => ({
        port: ports[i] ?? 0,
        launch: (dataDir) => {
          const client = urls[i] ?? '';
          const args = ['--name', `member${i}`, '--data-dir', join(dataDir, 'member')]
            .concat(['--initial-cluster', cluster])
            .concat(['--listen-client-urls', client, '--advertise-client-urls', client])
            .concat(['--listen-peer-urls', peer, '--initial-advertise-peer-urls', peer]);
          return program.launch(args, dataDir);
        },
      })),
    );
  });
}

/** Starts the embedded coordinator as it runs in production: a process of its own. */
export async function startCoordinatorProcess(): Promise<EtcdProcess> {
  return retrying(async () => {
    const [port = 0] = await freePorts(1);
    const [coordinator] = await startAll([{ port, launch: (dataDir) => forkCoordinator(dataDir, port) }]);
    if (coordinator === undefined) throw new Error('No coordinator was started.');
    return coordinator;
  });
}

interface PlannedServer {
  readonly port: number;
  readonly launch: (dataDir: string) => Promise<RunningServer>;
}

/** Another process may take a port between its choice and its use. */
async function retrying<T>(start: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await start();
    } catch (error) {
      if (attempt === START_ATTEMPTS) throw error;
    }
  }
}

/** All at once: the members of a cluster wait for each other. */
async function startAll(planned: readonly PlannedServer[]): Promise<EtcdProcess[]> {
  const servers = await Promise.all(planned.map(prepare));
  try {
    await Promise.all(servers.map((server) => server.restart()));
    return servers;
  } catch (error) {
    await Promise.all(servers.map((server) => server.dispose()));
    throw error;
  }
}

async function prepare({ port, launch }: PlannedServer): Promise<EtcdProcess> {
  const dataDir = await mkdtemp(join(tmpdir(), 'meridian-etcd-'));
  let running: RunningServer | undefined;
  return {
    endpoint: `http://127.0.0.1:${port}`,
    port,
    kill: async () => running?.kill(),
    restart: async () => {
      running = await launch(dataDir);
      await answers(running, port);
    },
    dispose: async () => {
      await running?.kill();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

/** Resolves when the server answers and has a leader; rejects if it ends. */
async function answers(server: RunningServer, port: number): Promise<void> {
  const client = connectEtcd({ endpoints: [`http://127.0.0.1:${port}`], callTimeoutMs: 1_000 });
  const signal = AbortSignal.timeout(START_TIMEOUT_MS);
  try {
    for (;;) {
      const answered = await client.range({ key: '-' }, signal).then(
        () => true,
        () => false,
      );
      if (answered) return;
      if (signal.aborted || (await server.hasEnded())) throw new Error(`Nothing answers at port ${port}.`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  } finally {
    client.close();
  }
}

async function forkCoordinator(dataDir: string, port: number): Promise<RunningServer> {
  const child = fork(coordinatorEntry, {
    execArgv: [],
    env: { ...process.env, MERIDIAN_LISTEN: `127.0.0.1:${port}`, MERIDIAN_DATA_DIR: dataDir },
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const hasEnded = (): boolean => child.exitCode !== null || child.signalCode !== null;
  return {
    hasEnded: async () => hasEnded(),
    pause: async () => void child.kill('SIGSTOP'),
    resume: async () => void child.kill('SIGCONT'),
    kill: async () => {
      if (hasEnded()) return;
      const ended = once(child, 'exit');
      child.kill('SIGKILL');
      await ended;
    },
  };
}
