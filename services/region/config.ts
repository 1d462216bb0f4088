import { cacheSettings } from '#libs/cache/settings.ts';
import { optionalSetting, setting } from '#libs/config/env.ts';
import { hostPort, integer, path } from '#libs/config/values.ts';
import { telemetrySettings } from '#libs/telemetry/settings.ts';
import { authProcessSettings } from '../frontend/auth/config.ts';
import { frontendLimitSettings } from '../frontend/config.ts';
import { clusterSettings, replicationLimitSettings } from '../replication/config.ts';
import { storageLimitSettings } from '../storage/config.ts';

/** The environment variables of a region in one process. */
export const regionSettings = {
  ...telemetrySettings,
  ...cacheSettings,
  ...clusterSettings,
  ...frontendLimitSettings,
  ...authProcessSettings,
  ...replicationLimitSettings,
  ...storageLimitSettings,
  listen: setting('MERIDIAN_LISTEN', hostPort, { host: '127.0.0.1', port: 5000 }),
  adminListen: optionalSetting('MERIDIAN_ADMIN_LISTEN', hostPort),
  dataDir: setting('MERIDIAN_DATA_DIR', path),
  stopGraceMs: setting(
    'MERIDIAN_STOP_GRACE_MS',
    integer({ unit: 'milliseconds', min: 0, max: 3_600_000 }),
    10_000,
  ),
};
