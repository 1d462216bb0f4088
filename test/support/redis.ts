import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { freePorts } from './ports.ts';
import { findProgram, leftOut, type RunningServer } from './server-program.ts';

/** A Redis that holds its data in memory only. */
export interface RedisProcess {
  readonly url: string;
  /** Lets it hang: connections stay, nothing is answered. */
  pause(): Promise<void>;
  resume(): Promise<void>;
  kill(): Promise<void>;
  /** Starts it again at the same address, empty; with other arguments, if there are any. */
  restart(more?: readonly string[]): Promise<void>;
}

const found = await findProgram({
  name: 'redis',
  binary: 'redis-server',
  variable: 'REDIS_BIN',
  image: 'redis:7-bookworm',
});
export const hasRedis = found.program !== undefined;
/** For the names of tests that need it. */
export const redisLeftOut = leftOut(found);

const START_TIMEOUT_MS = 60_000;
const START_ATTEMPTS = 5;

/** `more` are arguments besides those that every Redis of the tests has. */
export async function startRedis(more: readonly string[] = []): Promise<RedisProcess> {
  for (let attempt = 1; ; attempt++) {
    const [port = 0] = await freePorts(1);
    try {
      return control(await launch(port, more), port, more);
    } catch (error) {
      // Another process may have taken the port in the meantime.
      if (attempt === START_ATTEMPTS) throw error;
    }
  }
}

function control(started: RunningServer, port: number, usual: readonly string[]): RedisProcess {
  let running = started;
  return {
    url: `redis://127.0.0.1:${port}`,
    pause: () => running.pause(),
    resume: () => running.resume(),
    kill: () => running.kill(),
    restart: async (more = usual) => {
      running = await launch(port, more);
    },
  };
}

/** Resolves when it answers. */
async function launch(port: number, more: readonly string[]): Promise<RunningServer> {
  if (found.program === undefined) throw new Error(`There is no Redis to start: ${found.missing}.`);
  const directory = await mkdtemp(join(tmpdir(), 'meridian-redis-'));
  const args = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', ...more];
  const server = await found.program.launch(args, directory);
  const deadline = performance.now() + START_TIMEOUT_MS;
  const client = new Redis(port, '127.0.0.1', { retryStrategy: () => 20, maxRetriesPerRequest: null });
  client.on('error', () => undefined);
  try {
    for (;;) {
      const pause = new Promise<string>((resolve) => setTimeout(() => resolve(''), 100));
      // One that asks for a password answers, too.
      const answer = client.ping().catch((error: unknown) => String(error));
      if (/PONG|NOAUTH/.test(await Promise.race([answer, pause]))) break;
      if (performance.now() > deadline || (await server.hasEnded()))
        throw new Error('redis-server did not start.');
    }
  } catch (error) {
    await server.kill();
    throw error;
  } finally {
    client.disconnect();
  }
  const kill = async (): Promise<void> => {
    await server.kill();
    await rm(directory, { recursive: true, force: true });
  };
  return { ...server, kill };
}
