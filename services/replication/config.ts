import { cacheSettings } from '#libs/cache/settings.ts';
import { optionalSetting, setting, type ValuesOf } from '#libs/config/env.ts';
import { mbitByRegion } from '#libs/config/mbit-by-region.ts';
import { regionList } from '#libs/config/regions.ts';
import { tlsSetting } from '#libs/config/tls.ts';
import { boolean, hostPort, integer, path, rpcAddress, urlList } from '#libs/config/values.ts';
import { etcdLoginSetting } from '#libs/etcd/settings.ts';
import { telemetrySettings } from '#libs/telemetry/settings.ts';
import type { CatalogSettings } from './catalog/settings.ts';
import { DEFAULT_RETENTION_INTERVAL_MS } from './retention/retention.ts';
import { defaultCollectSettings, type CollectSettings } from './collect/settings.ts';
import { defaultTransferSettings, type TransferSettings } from './settings.ts';

const defaults = defaultTransferSettings;
const bytes = integer({ unit: 'bytes', min: 0, max: Number.MAX_SAFE_INTEGER });
const rangeBytes = integer({ unit: 'bytes', min: 65_536, max: 1_073_741_824 });
const copies = integer({ unit: 'copies', min: 1, max: 1_000 });
const connections = integer({ unit: 'connections', min: 1, max: 64 });
const ms = integer({ unit: 'milliseconds', min: 1, max: 86_400_000 });
const graceMs = integer({ unit: 'milliseconds', min: 0, max: Number.MAX_SAFE_INTEGER });

/** The limits that an operator may set, wherever replication runs. */
export const replicationLimitSettings = {
  maxCopies: setting('MERIDIAN_MAX_COPIES', copies, defaults.maxCopies),
  maxBackgroundCopies: setting('MERIDIAN_MAX_BACKGROUND_COPIES', copies, defaults.maxBackgroundCopies),
  linkConnections: setting('MERIDIAN_LINK_CONNECTIONS', connections, defaults.linkConnections),
  linkLimits: optionalSetting('MERIDIAN_LINK_LIMITS', mbitByRegion),
  backgroundLimits: optionalSetting('MERIDIAN_BACKGROUND_LIMITS', mbitByRegion),
  rangeBytes: setting('MERIDIAN_RANGE_BYTES', rangeBytes, defaults.rangeBytes),
  readAheadBytes: setting('MERIDIAN_READ_AHEAD_BYTES', bytes, defaults.readAheadBytes),
  minFreeBytes: setting('MERIDIAN_MIN_FREE_BYTES', bytes, defaults.minFreeBytes),
  announceRegions: setting(
    'MERIDIAN_ANNOUNCE_REGIONS',
    integer({ unit: 'regions', min: 0, max: 16 }),
    defaults.announceRegions,
  ),
  holdTimeoutMs: setting('MERIDIAN_HOLD_TIMEOUT_MS', ms, defaults.holdTimeoutMs),
  stallTimeoutMs: setting('MERIDIAN_STALL_TIMEOUT_MS', ms, defaults.stallTimeoutMs),
  compareIntervalMs: setting('MERIDIAN_COMPARE_INTERVAL_MS', ms, defaults.compareIntervalMs),
  collects: setting('MERIDIAN_COLLECT', boolean, defaultCollectSettings.collects),
  collectIntervalMs: setting('MERIDIAN_COLLECT_INTERVAL_MS', ms, defaultCollectSettings.collectIntervalMs),
  retentionIntervalMs: setting('MERIDIAN_RETENTION_INTERVAL_MS', ms, DEFAULT_RETENTION_INTERVAL_MS),
  collectGraceMs: setting('MERIDIAN_COLLECT_GRACE_MS', graceMs, defaultCollectSettings.collectGraceMs),
};

/** What joins a region to the others, wherever replication runs. */
export const clusterSettings = {
  regions: setting('MERIDIAN_REGIONS', regionList),
  /** Where the other regions reach this one. */
  peerListen: setting('MERIDIAN_PEER_LISTEN', rpcAddress, '127.0.0.1:5100'),
  peerTls: tlsSetting('MERIDIAN_PEER_TLS'),
  /** The members of etcd, the nearest first. */
  etcd: setting('MERIDIAN_ETCD', urlList('http', 'https')),
  etcdTls: tlsSetting('MERIDIAN_ETCD_TLS'),
  etcdLogin: etcdLoginSetting,
  etcdTimeoutMs: setting('MERIDIAN_ETCD_TIMEOUT_MS', ms, 5_000),
};

/** The environment variables of a replication process. */
export const replicationProcessSettings = {
  ...telemetrySettings,
  ...cacheSettings,
  ...clusterSettings,
  ...replicationLimitSettings,
  /** Where the region's front ends reach this process. */
  listen: setting('MERIDIAN_LISTEN', rpcAddress, '127.0.0.1:5300'),
  /** The region's storage service. */
  storage: setting('MERIDIAN_STORAGE', rpcAddress, '127.0.0.1:5200'),
  tls: tlsSetting('MERIDIAN_RPC_TLS'),
  /** Health, readiness and metrics; without it they are not served. */
  adminListen: optionalSetting('MERIDIAN_ADMIN_LISTEN', hostPort),
  dataDir: setting('MERIDIAN_DATA_DIR', path),
  stopGraceMs: setting(
    'MERIDIAN_STOP_GRACE_MS',
    integer({ unit: 'milliseconds', min: 0, max: 3_600_000 }),
    30_000,
  ),
};

/** The settings that the limits of the environment stand for. */
export function transferSettingsFrom(limits: ValuesOf<typeof replicationLimitSettings>): TransferSettings {
  const { maxCopies, maxBackgroundCopies, minFreeBytes, announceRegions } = limits;
  const { holdTimeoutMs, stallTimeoutMs, linkConnections, rangeBytes, readAheadBytes } = limits;
  const { linkLimits = {}, backgroundLimits = {}, compareIntervalMs } = limits;
  return {
    ...defaults,
    ...{ maxCopies, maxBackgroundCopies, minFreeBytes, announceRegions },
    ...{ holdTimeoutMs, stallTimeoutMs, linkConnections, rangeBytes, readAheadBytes },
    ...{ linkLimits, backgroundLimits, compareIntervalMs },
    // A substitute must have its time too.
    slowHoldMs: Math.min(defaults.slowHoldMs, Math.ceil(holdTimeoutMs / 4)),
  };
}

/** The catalog's settings that the environment stands for. */
export function catalogSettingsFrom({
  holdTimeoutMs,
}: ValuesOf<typeof replicationLimitSettings>): Partial<CatalogSettings> {
  return { holdTimeoutMs };
}

/** The settings of collections that the environment stands for. */
export function collectSettingsFrom(limits: ValuesOf<typeof replicationLimitSettings>): CollectSettings {
  const { collects, collectIntervalMs, collectGraceMs } = limits;
  return { ...defaultCollectSettings, collects, collectIntervalMs, collectGraceMs };
}
