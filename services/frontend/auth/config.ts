import { isIP } from 'node:net';
import { optionalSetting, setting, type ValuesOf } from '#libs/config/env.ts';
import { ConfigError } from '#libs/config/errors.ts';
import { readSecretFile } from '#libs/config/secret-file.ts';
import { integer, oneOf, path, readableFile, url, type HostPort } from '#libs/config/values.ts';
import { defaultAuthSettings as defaults, type AuthSettings } from './settings.ts';

/** What must be said to serve others than this machine without authentication, besides that it is off. */
const INSECURE = 'yes-anyone-may-push';

const requests = integer({ unit: 'requests', min: 0, max: 1_000_000_000 });

/** The environment variables of authentication. */
export const authProcessSettings = {
  auth: setting('MERIDIAN_AUTH', oneOf('on', 'off'), 'off'),
  insecure: optionalSetting('MERIDIAN_INSECURE', oneOf(INSECURE)),
  publicUrl: optionalSetting('MERIDIAN_PUBLIC_URL', url('https', 'http')),
  authStaleMs: setting(
    'MERIDIAN_AUTH_STALE_MS',
    integer({ unit: 'milliseconds', min: 5_000, max: 7 * 24 * 3_600_000 }),
    defaults.staleMs,
  ),
  tokenSeconds: setting(
    'MERIDIAN_TOKEN_SECONDS',
    // Clients take for granted that a token is good for a minute.
    integer({ unit: 'seconds', min: 60, max: 3_600 }),
    defaults.accessSeconds,
  ),
  requestsPerIdentity: setting('MERIDIAN_MAX_REQUESTS_PER_MINUTE', requests, defaults.rateLimits.perIdentity),
  requestsPerAddress: setting(
    'MERIDIAN_MAX_ANONYMOUS_REQUESTS_PER_MINUTE',
    requests,
    defaults.rateLimits.perAddress,
  ),
  /** For trying OpenID Connect out. */
  oidcHttp: setting('MERIDIAN_OIDC_HTTP', oneOf('never', 'loopback'), 'never'),
  auditDir: optionalSetting('MERIDIAN_AUDIT_DIR', path),
  ldapPasswordFile: optionalSetting('MERIDIAN_LDAP_PASSWORD_FILE', readableFile),
  adminPasswordFile: optionalSetting('MERIDIAN_ADMIN_PASSWORD_FILE', readableFile),
};

type AuthConfig = ValuesOf<typeof authProcessSettings>;

/** Undefined where it is off. */
export function authSettingsFrom(config: AuthConfig): AuthSettings | undefined {
  if (config.auth === 'off') return undefined;
  return {
    ...defaults,
    publicUrl: config.publicUrl?.replace(/\/+$/, ''),
    staleMs: config.authStaleMs,
    accessSeconds: config.tokenSeconds,
    auditDirectory: config.auditDir,
    oidc: { ...defaults.oidc, loopbackHttp: config.oidcHttp === 'loopback' },
    rateLimits: { perIdentity: config.requestsPerIdentity, perAddress: config.requestsPerAddress },
  };
}

/** The first administrator's password, where an operator has chosen one; the line's end is none of it. */
export function readAdminPassword({ adminPasswordFile }: AuthConfig): string | undefined {
  return adminPasswordFile === undefined ? undefined : readSecretFile(adminPasswordFile);
}

/** The password by which a directory is asked: read each time, so that the file can be replaced. */
export function readDirectoryPassword({ ldapPasswordFile }: AuthConfig): string | undefined {
  return ldapPasswordFile === undefined ? undefined : readSecretFile(ldapPasswordFile);
}

/** Throws a ConfigError for a front end that others than this machine reach, where that is not safe. */
export function requireSafe({
  listen,
  auth,
  insecure,
  publicUrl,
}: AuthConfig & { readonly listen: HostPort }): void {
  if (isLoopback(listen.host)) return;
  if (auth === 'off' && insecure === undefined) {
    throw new ConfigError([
      `MERIDIAN_LISTEN is ${listen.host}, which others than this machine reach, and anyone who does could pull and push everything. Set MERIDIAN_AUTH=on, or listen at 127.0.0.1; if it is meant, set MERIDIAN_INSECURE=${INSECURE}.`,
    ]);
  }
  if (auth === 'on' && publicUrl === undefined) {
    throw new ConfigError([
      'MERIDIAN_PUBLIC_URL must be set to what clients call the registry, such as https://registry.example.net: with MERIDIAN_AUTH=on they are told to log in there.',
    ]);
  }
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
}
