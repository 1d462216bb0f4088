import type { OutboundSettings } from './oidc/outbound.ts';
import type { RateLimitSettings } from './rate-limits.ts';

/** Times and switches of authentication. */
export interface AuthSettings {
  /** What clients call the registry, such as `https://registry.example.net`; undefined: what they say in the Host header, by HTTP. */
  readonly publicUrl: string | undefined;
  /** Where it is kept who did what; undefined: nowhere. */
  readonly auditDirectory: string | undefined;
  /** How long permissions are relied on without a word that they are current. */
  readonly staleMs: number;
  /** Answers by permissions that are staler carry a Warning. */
  readonly staleWarningMs: number;
  readonly accessSeconds: number;
  readonly refreshSeconds: number;
  /** Pause before the stream of permissions is opened again. */
  readonly followRetryMs: number;
  /** How long an answer to a change waits for this front end to know of it. */
  readonly knownWaitMs: number;
  readonly rateLimits: RateLimitSettings;
  /** How issuers of OpenID Connect are asked. */
  readonly oidc: OutboundSettings;
}

export const defaultAuthSettings: AuthSettings = {
  publicUrl: undefined,
  auditDirectory: undefined,
  staleMs: 3_600_000,
  staleWarningMs: 10_000,
  accessSeconds: 300,
  // Less than the time that a retired key's public part is kept: libs/auth/limits.ts.
  refreshSeconds: 29 * 24 * 3600,
  followRetryMs: 250,
  knownWaitMs: 3_000,
  rateLimits: { perIdentity: 0, perAddress: 0 },
  oidc: { loopbackHttp: false, timeoutMs: 10_000, maxBytes: 512 * 1024 },
};
