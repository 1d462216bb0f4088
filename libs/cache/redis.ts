import { randomUUID } from 'node:crypto';
import { Redis } from 'ioredis';
import type { Secret } from '#libs/config/secret.ts';
import type { Release, SharedCache } from './leases.ts';
import { createMemoryCounters } from './memory-counters.ts';
import { createRedisCounters } from './redis-counters.ts';

export interface RedisCacheOptions {
  /** Such as `redis://127.0.0.1:6379`. */
  readonly url: string;
  /** In the place of one in the URL; read for each connection. */
  readonly password?: Secret | undefined;
  /** Who signs Redis' certificate, for `rediss:`; the well-known authorities without it. */
  readonly ca?: Buffer | undefined;
  /** Stands before every key, so that regions can share one Redis in tests. */
  readonly keyPrefix: string;
  /** Told each time Redis is lost; what is asked of it meanwhile fails soft. */
  readonly onUnreachable: (error: Error) => void;
  /** Monotonic time in milliseconds. */
  readonly now: () => number;
}

/** Work waits no longer than this for a hint. */
const COMMAND_TIMEOUT_MS = 250;
const MAX_RECONNECT_DELAY_MS = 2_000;

/** Deletes the lease only while it is still the one that was taken. */
const RELEASE_SCRIPT = `if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) end return 0`;

/** Connects at once and again whenever the connection breaks; never rejects for Redis being away, `ping` apart. */
export function createRedisCache(options: RedisCacheOptions): SharedCache {
  const { url, password, ca, keyPrefix, onUnreachable, now } = options;
  const redis: Redis = new Redis(url, {
    lazyConnect: true,
    ...(ca !== undefined && url.startsWith('rediss:') && { tls: { ca } }),
    keyPrefix,
    commandTimeout: COMMAND_TIMEOUT_MS,
    connectTimeout: MAX_RECONNECT_DELAY_MS,
    // What can't be asked now is not asked later: by then nobody waits for it.
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    retryStrategy: (attempt) => {
      readPassword();
      return Math.min(50 * 2 ** Math.min(attempt, 10), MAX_RECONNECT_DELAY_MS);
    },
  });
  let lost = false;
  const onLost = ({ message }: Error): void => {
    // Never the error itself: it has the command that failed, which may be the one with the password.
    if (!lost) onUnreachable(new Error(message));
    lost = true;
  };
  const readPassword = (): void => {
    try {
      if (password !== undefined) redis.options.password = password();
    } catch (error) {
      onLost(error as Error);
    }
  };
  redis.on('error', onLost);
  redis.on('ready', () => (lost = false));
  readPassword();
  redis.connect().catch(onLost);

  const releaseOf = (key: string, holder: string): Release => {
    return async () => {
      await redis.eval(RELEASE_SCRIPT, 1, key, holder).catch(() => undefined);
    };
  };
  return {
    ...createRedisCounters(redis, createMemoryCounters(now)),
    tryAcquire: async (key, ttlMs, signal) => {
      signal.throwIfAborted();
      const holder = randomUUID();
      const answer = await redis.set(key, holder, 'PX', ttlMs, 'NX').catch(() => 'OK' as const);
      signal.throwIfAborted();
      return answer === 'OK' ? releaseOf(key, holder) : undefined;
    },
    ping: async (signal) => {
      signal.throwIfAborted();
      await redis.ping().catch((cause: unknown) => {
        throw new Error(`Redis at ${new URL(url).host} does not answer.`, { cause });
      });
    },
    close: async () => redis.disconnect(),
  };
}
