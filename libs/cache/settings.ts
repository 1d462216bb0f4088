import { optionalSetting } from '#libs/config/env.ts';
import { url } from '#libs/config/values.ts';

/** Without it the cache is the process's own memory. */
export const cacheSettings = { redisUrl: optionalSetting('MERIDIAN_REDIS_URL', url('redis', 'rediss')) };
