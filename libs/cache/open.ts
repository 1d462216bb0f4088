import { createMemoryCache } from './memory.ts';
import { createRedisCache } from './redis.ts';
import type { SharedCache } from './leases.ts';

export interface CacheOptions {
  readonly region: string;
  /** Undefined: the process's own memory. */
  readonly redisUrl: string | undefined;
  readonly onUnreachable: (error: Error) => void;
}

/** The region's scratch space, as configured. */
export function openCache({ region, redisUrl, onUnreachable }: CacheOptions): SharedCache {
  const now = (): number => performance.now();
  if (redisUrl === undefined) return createMemoryCache(now);
  return createRedisCache({ url: redisUrl, keyPrefix: `meridian/${region}/`, onUnreachable, now });
}
