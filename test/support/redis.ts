import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { delimiter, join } from 'node:path';
import { Redis } from 'ioredis';

/** A Redis that holds its data in memory only. */
export interface RedisProcess {
  readonly url: string;
  /** Lets it hang: connections stay, nothing is answered. */
  pause(): void;
  resume(): void;
  kill(): Promise<void>;
  /** Starts it again at the same address, empty. */
  restart(): Promise<void>;
}

const START_TIMEOUT_MS = 20_000;
const START_ATTEMPTS = 5;

/** The Redis binary: REDIS_BIN or `redis-server` on the PATH. Where there is none, an error if MERIDIAN_TEST_REQUIRE has `redis`. */
export function findRedis(): string | undefined {
  const onPath = (process.env['PATH'] ?? '').split(delimiter).map((folder) => join(folder, 'redis-server'));
  const found = (process.env['REDIS_BIN'] ? [process.env['REDIS_BIN']] : onPath).find(isExecutable);
  const required = (process.env['MERIDIAN_TEST_REQUIRE'] ?? '').split(',').includes('redis');
  if (found === undefined && required)
    throw new Error('MERIDIAN_TEST_REQUIRE names redis, but REDIS_BIN and the PATH have no redis-server.');
  return found;
}

export async function startRedis(): Promise<RedisProcess> {
  for (let attempt = 1; ; attempt++) {
    const port = await freePort();
    try {
      return control(await launch(port), port);
    } catch (error) {
      // Another process may have taken the port in the meantime.
      if (attempt === START_ATTEMPTS) throw error;
    }
  }
}

function control(started: ChildProcess, port: number): RedisProcess {
  let child = started;
  return {
    url: `redis://127.0.0.1:${port}`,
    pause: () => child.kill('SIGSTOP'),
    resume: () => child.kill('SIGCONT'),
    kill: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const ended = once(child, 'exit');
      child.kill('SIGKILL');
      await ended;
    },
    restart: async () => {
      child = await launch(port);
    },
  };
}

/** Resolves when it answers. */
async function launch(port: number): Promise<ChildProcess> {
  const binary = findRedis();
  if (binary === undefined) throw new Error('There is no Redis to start.');
  const args = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'];
  const child = spawn(binary, args, { cwd: '/tmp', stdio: 'ignore' });
  const deadline = performance.now() + START_TIMEOUT_MS;
  const client = new Redis(port, '127.0.0.1', { retryStrategy: () => 20, maxRetriesPerRequest: null });
  client.on('error', () => undefined);
  try {
    for (;;) {
      if (child.exitCode !== null || performance.now() > deadline)
        throw new Error('redis-server did not start.');
      const pause = new Promise<string>((resolve) => setTimeout(() => resolve(''), 100));
      if ((await Promise.race([client.ping(), pause])) === 'PONG') return child;
    }
  } catch (error) {
    child.kill('SIGKILL');
    throw error;
  } finally {
    client.disconnect();
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
