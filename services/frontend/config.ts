import { cacheSettings } from '#libs/cache/settings.ts';
import { optionalSetting, setting, type ValuesOf } from '#libs/config/env.ts';
import { networkList } from '#libs/config/networks.ts';
import { regionList } from '#libs/config/regions.ts';
import { keyPairSetting, tlsSetting } from '#libs/config/tls.ts';
import { hostPort, integer, oneOf, rpcAddress, urlPath } from '#libs/config/values.ts';
import { telemetrySettings } from '#libs/telemetry/settings.ts';
import { authProcessSettings } from './auth/config.ts';
import { defaultFrontendSettings, type FrontendSettings } from './settings.ts';

const defaults = defaultFrontendSettings;
const ms = integer({ unit: 'milliseconds', min: 0, max: Number.MAX_SAFE_INTEGER });

/** The limits and switches that an operator may set, wherever the front end runs. */
export const frontendLimitSettings = {
  maxManifestBytes: setting(
    'MERIDIAN_MAX_MANIFEST_BYTES',
    integer({ unit: 'bytes', min: 1024, max: defaults.maxManifestBytes }),
    defaults.maxManifestBytes,
  ),
  maxDescriptors: setting(
    'MERIDIAN_MAX_DESCRIPTORS',
    integer({ unit: 'descriptors', min: 1, max: defaults.maxDescriptors }),
    defaults.maxDescriptors,
  ),
  maxTagsPerPush: setting(
    'MERIDIAN_MAX_TAGS_PER_PUSH',
    integer({ unit: 'tags', min: 1, max: 90 }),
    defaults.maxTagsPerPush,
  ),
  maxHeaderBytes: setting(
    'MERIDIAN_MAX_HEADER_BYTES',
    integer({ unit: 'bytes', min: 4096, max: 1024 * 1024 }),
    defaults.maxHeaderBytes,
  ),
  maxPageSize: setting(
    'MERIDIAN_MAX_PAGE_SIZE',
    integer({ unit: 'entries', min: 1, max: 100_000 }),
    defaults.maxPageSize,
  ),
  minClientBytesPerSecond: setting(
    'MERIDIAN_MIN_CLIENT_BYTES_PER_SECOND',
    integer({ unit: 'bytes per second', min: 0, max: 1024 * 1024 * 1024 }),
    defaults.minimumRate.bytesPerSecond,
  ),
  minRateWindowMs: setting(
    'MERIDIAN_MIN_RATE_WINDOW_MS',
    integer({ unit: 'milliseconds', min: 100, max: 3_600_000 }),
    defaults.minimumRate.windowMs,
  ),
  maxCachedContentBytes: setting(
    'MERIDIAN_MAX_CACHED_CONTENT_BYTES',
    integer({ unit: 'bytes', min: 8 * 1024 * 1024, max: Number.MAX_SAFE_INTEGER }),
    defaults.maxCachedContentBytes,
  ),
  deletion: setting('MERIDIAN_DELETE', oneOf('on', 'off'), defaults.deletion),
  accelLocation: optionalSetting('MERIDIAN_ACCEL_LOCATION', urlPath),
  trustedProxies: optionalSetting('MERIDIAN_TRUSTED_PROXIES', networkList),
  httpTls: keyPairSetting('MERIDIAN_HTTP_TLS'),
};

/** The environment variables of a front end's process. */
export const frontendProcessSettings = {
  ...telemetrySettings,
  ...frontendLimitSettings,
  ...authProcessSettings,
  ...cacheSettings,
  listen: setting('MERIDIAN_LISTEN', hostPort, { host: '127.0.0.1', port: 5000 }),
  /** Health, readiness and metrics; without it only /healthz is served, among the registry's paths. */
  adminListen: optionalSetting('MERIDIAN_ADMIN_LISTEN', hostPort),
  /** The own region's services. */
  storage: setting('MERIDIAN_STORAGE', rpcAddress, '127.0.0.1:5200'),
  replication: setting('MERIDIAN_REPLICATION', rpcAddress, '127.0.0.1:5300'),
  tls: tlsSetting('MERIDIAN_RPC_TLS'),
  /** Whose services are used while the own region's are away. */
  regions: optionalSetting('MERIDIAN_REGIONS', regionList),
  peerTls: tlsSetting('MERIDIAN_PEER_TLS'),
  stopGraceMs: setting('MERIDIAN_STOP_GRACE_MS', ms, 30_000),
};

/** The settings that the limits of the environment stand for. */
export function frontendSettingsFrom(limits: ValuesOf<typeof frontendLimitSettings>): FrontendSettings {
  const { maxManifestBytes, maxDescriptors, maxTagsPerPush, maxHeaderBytes } = limits;
  const { maxPageSize, maxCachedContentBytes, deletion, accelLocation, trustedProxies = [] } = limits;
  return {
    ...defaults,
    maxManifestBytes,
    maxDescriptors,
    maxTagsPerPush,
    maxHeaderBytes,
    maxPageSize,
    defaultPageSize: Math.min(defaults.defaultPageSize, maxPageSize),
    maxCachedContentBytes,
    deletion,
    accelLocation,
    trustedProxies,
    minimumRate: { bytesPerSecond: limits.minClientBytesPerSecond, windowMs: limits.minRateWindowMs },
  };
}
