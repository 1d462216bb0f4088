import { optionalSetting, setting, type ValuesOf } from '#libs/config/env.ts';
import { tlsSetting } from '#libs/config/tls.ts';
import { hostPort, integer, path, rpcAddress } from '#libs/config/values.ts';
import { telemetrySettings } from '#libs/telemetry/settings.ts';
import { defaultStorageSettings, type StorageSettings } from './settings.ts';

const defaults = defaultStorageSettings;
const bytes = integer({ unit: 'bytes', min: 1, max: Number.MAX_SAFE_INTEGER });
const count = integer({ unit: 'requests', min: 1, max: 100_000 });
const rate = integer({ unit: 'bytes a second', min: 0, max: Number.MAX_SAFE_INTEGER });
const ms = integer({ unit: 'milliseconds', min: 0, max: Number.MAX_SAFE_INTEGER });

/** The limits that an operator may set, wherever the storage runs. */
export const storageLimitSettings = {
  maxConcurrentUploads: setting('MERIDIAN_MAX_CONCURRENT_UPLOADS', count, defaults.maxConcurrentUploads),
  maxConcurrentIngests: setting('MERIDIAN_MAX_CONCURRENT_INGESTS', count, defaults.maxConcurrentIngests),
  maxUploadBytes: setting(
    'MERIDIAN_MAX_UPLOAD_BYTES',
    integer({ unit: 'bytes, or 0 for no limit,', min: 0, max: Number.MAX_SAFE_INTEGER }),
    defaults.maxUploadBytes,
  ),
  maxPutBytes: setting('MERIDIAN_MAX_PUT_BYTES', bytes, defaults.maxPutBytes),
  pinLifetimeMs: setting('MERIDIAN_PIN_LIFETIME_MS', ms, defaults.pinLifetimeMs),
  uploadExpiryMs: setting(
    'MERIDIAN_UPLOAD_EXPIRY_MS',
    integer({ unit: 'milliseconds', min: 1000, max: Number.MAX_SAFE_INTEGER }),
    defaults.uploadExpiryMs,
  ),
  scrubBytesPerSecond: setting('MERIDIAN_SCRUB_BYTES_PER_SECOND', rate, defaults.scrubBytesPerSecond),
  verifyBytesPerSecond: setting('MERIDIAN_VERIFY_BYTES_PER_SECOND', rate, defaults.verifyBytesPerSecond),
  recountIntervalMs: setting(
    'MERIDIAN_RECOUNT_INTERVAL_MS',
    integer({ unit: 'milliseconds', min: 1, max: Number.MAX_SAFE_INTEGER }),
    defaults.recountIntervalMs,
  ),
  quarantineLifetimeMs: setting('MERIDIAN_QUARANTINE_LIFETIME_MS', ms, defaults.quarantineLifetimeMs),
  maxQuarantineBytes: setting(
    'MERIDIAN_MAX_QUARANTINE_BYTES',
    integer({ unit: 'bytes', min: 0, max: Number.MAX_SAFE_INTEGER }),
    defaults.maxQuarantineBytes,
  ),
  scrubIntervalMs: setting('MERIDIAN_SCRUB_INTERVAL_MS', ms, defaults.scrubIntervalMs),
};

/** The environment variables of a storage process. */
export const storageProcessSettings = {
  ...telemetrySettings,
  ...storageLimitSettings,
  listen: setting('MERIDIAN_LISTEN', rpcAddress, '127.0.0.1:5200'),
  /** Health, readiness and metrics; without it they are not served. */
  adminListen: optionalSetting('MERIDIAN_ADMIN_LISTEN', hostPort),
  dataDir: setting('MERIDIAN_DATA_DIR', path),
  tls: tlsSetting('MERIDIAN_RPC_TLS'),
  stopGraceMs: setting('MERIDIAN_STOP_GRACE_MS', ms, 30_000),
};

/** The settings that the limits of the environment stand for. */
export function storageSettingsFrom(limits: ValuesOf<typeof storageLimitSettings>): StorageSettings {
  const { maxConcurrentUploads, maxConcurrentIngests, maxUploadBytes, maxPutBytes } = limits;
  const { pinLifetimeMs, uploadExpiryMs } = limits;
  const { scrubBytesPerSecond, verifyBytesPerSecond, scrubIntervalMs, recountIntervalMs } = limits;
  const { quarantineLifetimeMs, maxQuarantineBytes } = limits;
  return {
    ...{ ...defaults, quarantineLifetimeMs, maxQuarantineBytes },
    maxConcurrentUploads,
    maxConcurrentIngests,
    maxUploadBytes,
    maxPutBytes,
    pinLifetimeMs,
    uploadExpiryMs,
    scrubBytesPerSecond,
    verifyBytesPerSecond,
    scrubIntervalMs,
    recountIntervalMs,
  };
}
