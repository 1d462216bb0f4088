import { readFileSync } from 'node:fs';
import type { Secret } from '#libs/config/secret.ts';
import { createMemoryCache } from './memory.ts';
import { createRedisCache } from './redis.ts';
import type { SharedCache } from './leases.ts';

export interface CacheOptions {
  readonly region: string;
  /** Undefined: the process's own memory. */
  readonly redisUrl: string | undefined;
  readonly redisPassword: Secret | undefined;
  readonly redisCa: string | undefined;
  readonly onUnreachable: (error: Error) => void;
}

/** The region's scratch space, as configured. */
export function openCache({ region, redisUrl, ...options }: CacheOptions): SharedCache {
  const now = (): number => performance.now();
  if (redisUrl === undefined) return createMemoryCache(now);
  return createRedisCache({
    ...{ url: redisUrl, keyPrefix: `meridian/${region}/`, now },
    password: options.redisPassword,
    ca: options.redisCa === undefined ? undefined : readFileSync(options.redisCa),
    onUnreachable: options.onUnreachable,
  });
}
