import { LRUCache } from 'lru-cache';
import { z } from 'zod';
import type { Authentication, Credential, Limit } from '#libs/auth/identity.ts';
import { isPrincipalName, type PrincipalName } from '#libs/auth/names.ts';
import { grantsOf, parseScopes, type Scope } from '#libs/auth/scope.ts';
import { signToken } from '#libs/jwt/sign.ts';
import { verifyToken } from '#libs/jwt/verify.ts';
import { RegistryError } from '#libs/oci/errors.ts';
import type { KeyRing } from './key-ring.ts';

/** Who makes and takes the registry's own tokens, and what Docker's clients call its `service`. */
export const SERVICE = 'meridian';

/** What a token proves, and what it is narrowed to; of nobody, where one has not said who he is. */
export interface TokenContent {
  readonly proven: Authentication | undefined;
  readonly scopes: readonly Scope[];
}

/** With what the scopes stand for, worked out once. */
export interface ReadToken extends TokenContent {
  readonly grants: Limit;
}

/** The registry's own tokens. They prove identity and narrow it: what it may is looked up at each request. */
export interface RegistryTokens {
  /** It ends no later than what was proven. Throws TOO_LARGE where no request could carry the token. */
  issueAccess(content: TokenContent): Promise<{ token: string; expiresInSeconds: number }>;
  /** Undefined for what was proven for a time only, and can be proven again; a machine's token can't be when it has ended. */
  issueRefresh(proven: Authentication): Promise<string | undefined>;
  /** Throws UNAUTHORIZED. */
  readAccess(token: string): Promise<ReadToken>;
  readRefresh(token: string): Promise<Authentication>;
}

export interface RegistryTokensOptions {
  readonly keys: KeyRing;
  readonly accessSeconds: number;
  readonly refreshSeconds: number;
  /** Milliseconds since 1970. */
  readonly clock: () => number;
}

const ACCESS = 'at+jwt';
const REFRESH = 'meridian-refresh+jwt';
const CLOCK_TOLERANCE_SECONDS = 30;
const MAX_ACCESS_BYTES = 8 * 1024;
const MAX_VERIFIED_BYTES = 16 * 1024 * 1024;
/** What an entry costs besides its bytes. */
const ENTRY_BYTES = 1024;

/** Verified tokens are remembered by their bytes, until they end or their key goes. */
export function createRegistryTokens(options: RegistryTokensOptions): RegistryTokens {
  const { keys, accessSeconds, refreshSeconds, clock } = options;
  const verified = new LRUCache<string, Verified>({
    maxSize: MAX_VERIFIED_BYTES,
    sizeCalculation: (_verified, token) => token.length + ENTRY_BYTES,
  });
  const nowSeconds = (): number => Math.floor(clock() / 1000);
  const secondsLeft = (proven: Authentication | undefined): number =>
    Math.max(0, Math.floor(((proven?.untilMs ?? Infinity) - clock()) / 1000));
  const issue = async (type: string, seconds: number, claims: Claims): Promise<string> => {
    const iat = nowSeconds();
    const times = { iss: SERVICE, aud: SERVICE, iat, nbf: iat, exp: iat + seconds };
    return signToken({ ...times, ...claims }, type, await keys.signing());
  };
  const read = async (token: string, type: string, maxAgeSeconds: number): Promise<Verified> => {
    const payload = await verifyToken(token, {
      algorithms: ['ES256'],
      ...{ issuer: SERVICE, audience: SERVICE, type, maxAgeSeconds, clock },
      clockToleranceSeconds: CLOCK_TOLERANCE_SECONDS,
      key: (kid) => keys.verifying(kid),
    });
    const claims = claimsOf.safeParse(payload);
    if (!claims.success) throw notOurs();
    return { content: contentOf(claims.data), endsAt: claims.data.exp, kid: kidOf(token) };
  };
  return {
    issueAccess: async ({ proven, scopes }) => {
      const access = scopes.map(({ type, name, actions }) => ({ type, name, actions: [...actions] }));
      const expiresInSeconds = Math.min(accessSeconds, secondsLeft(proven));
      const token = await issue(ACCESS, expiresInSeconds, { ...provenClaims(proven), access });
      if (token.length > MAX_ACCESS_BYTES) throw tooLarge(scopes.length);
      return { token, expiresInSeconds };
    },
    issueRefresh: async (proven) =>
      proven.untilMs === undefined || proven.credential.startsWith('rule:')
        ? issue(REFRESH, Math.min(refreshSeconds, secondsLeft(proven)), provenClaims(proven))
        : undefined,
    readAccess: async (token) => {
      const before = verified.get(token);
      if (before !== undefined && before.endsAt > nowSeconds() && keys.isKnown(before.kid))
        return before.content;
      verified.delete(token);
      const found = await read(token, ACCESS, accessSeconds);
      verified.set(token, found);
      return found.content;
    },
    readRefresh: async (token) => {
      const { content } = await read(token, REFRESH, refreshSeconds);
      if (content.proven === undefined) throw notOurs();
      return content.proven;
    },
  };
}

interface Verified {
  readonly content: ReadToken;
  /** Seconds since 1970. */
  readonly endsAt: number;
  readonly kid: string;
}

const claimsOf = z.object({
  sub: z.custom<PrincipalName | ''>(
    (name) => name === '' || (typeof name === 'string' && isPrincipalName(name)),
  ),
  exp: z.number(),
  id: z.string().default(''),
  credential: z
    .custom<Credential>(
      (text) =>
        typeof text === 'string' && /^(password|secret|token|rule|directory):[A-Za-z0-9_-]+$/.test(text),
    )
    .optional(),
  /** Until when what was proven counts, in milliseconds: without the tolerance that clocks are given for `exp`. */
  until: z.number().exactOptional(),
  access: z.array(z.object({ type: z.string(), name: z.string(), actions: z.array(z.string()) })).default([]),
});

type Claims = Omit<z.input<typeof claimsOf>, 'exp'>;

function provenClaims(proven: Authentication | undefined): Claims {
  if (proven === undefined) return { sub: '' };
  const { name, id, credential, untilMs } = proven;
  return { sub: name, id, credential, ...(untilMs !== undefined && { until: untilMs }) };
}

function contentOf({ sub, id, credential, until, access }: z.output<typeof claimsOf>): ReadToken {
  const scopes = parseScopes(access.map(({ type, name, actions }) => `${type}:${name}:${actions.join(',')}`));
  const grants = grantsOf(scopes);
  if (sub === '') return { proven: undefined, scopes, grants };
  if (credential === undefined) throw notOurs();
  const proven = { name: sub, id, credential, ...(until !== undefined && { untilMs: until }) };
  return { proven, scopes, grants };
}

function kidOf(token: string): string {
  const header = Buffer.from(token.slice(0, token.indexOf('.')), 'base64url').toString();
  return (JSON.parse(header) as { kid: string }).kid;
}

function notOurs(): RegistryError {
  return new RegistryError(
    'UNAUTHORIZED',
    'The token is not accepted: its claims are not those of this registry’s tokens. Log in again.',
  );
}

function tooLarge(scopes: number): RegistryError {
  return new RegistryError(
    'TOO_LARGE',
    `A token for ${scopes} scopes would have more than ${MAX_ACCESS_BYTES} bytes. Ask for fewer at a time.`,
  );
}
