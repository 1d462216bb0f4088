import { optionalSetting } from '#libs/config/env.ts';
import { secretSetting } from '#libs/config/secret.ts';
import { readableFile, url } from '#libs/config/values.ts';

export const cacheSettings = {
  /** Without it the cache is the process's own memory. */
  redisUrl: optionalSetting('MERIDIAN_REDIS_URL', url('redis', 'rediss')),
  redisPassword: secretSetting('MERIDIAN_REDIS_PASSWORD'),
  /** Who signs the certificate of a Redis with TLS, where that is none of the well-known authorities. */
  redisCa: optionalSetting('MERIDIAN_REDIS_TLS_CA', readableFile),
};
