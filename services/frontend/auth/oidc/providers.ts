import { z } from 'zod';
import type { IssuerRecord } from '#libs/auth/issuer.ts';
import { parseKeySet, type KeySet } from '#libs/jwt/key-set.ts';
import { RegistryError } from '#libs/oci/errors.ts';
import { quote } from '#libs/oci/quote.ts';
import type { Outbound } from './outbound.ts';
import { createRemembered } from './remembered.ts';

/** What an issuer says of itself: https://openid.net/specs/openid-connect-discovery-1_0.html#ProviderMetadata */
const metadata = z.looseObject({
  issuer: z.string(),
  jwks_uri: z.string(),
  authorization_endpoint: z.string().optional(),
  token_endpoint: z.string().optional(),
  userinfo_endpoint: z.string().optional(),
  token_endpoint_auth_methods_supported: z.array(z.string()).default(['client_secret_basic']),
  authorization_response_iss_parameter_supported: z.boolean().default(false),
});

export type ProviderMetadata = z.infer<typeof metadata>;

export type AskedIssuer = Pick<IssuerRecord, 'id' | 'url' | 'allowPrivate'>;

/** What issuers publish, as far as it was needed. All throw UNAVAILABLE. */
export interface Providers {
  metadata(issuer: AskedIssuer): Promise<ProviderMetadata>;
  /** Its keys; `anew` where one is missing that may have come since. */
  keys(issuer: AskedIssuer, anew: boolean): Promise<KeySet>;
}

const FRESH_METADATA_MS = 3_600_000;
const FRESH_KEYS_MS = 10 * 60_000;
/** An issuer that can't be reached goes on counting for that long. */
const LIMITS = { maxKept: 100, maxAgeMs: 6 * 3_600_000, leastPauseMs: 10_000 };

/** `now` gives monotonic milliseconds. */
export function createProviders(outbound: Outbound, now: () => number): Providers {
  const known = createRemembered<ProviderMetadata>(LIMITS, now);
  const keySets = createRemembered<KeySet>(LIMITS, now);
  // What is allowed may change, and an issuer of that name may be another.
  const keyOf = ({ id, url, allowPrivate }: AskedIssuer): string => `${id} ${allowPrivate} ${url}`;
  const read = (issuer: AskedIssuer): Promise<ProviderMetadata> =>
    known.get(keyOf(issuer), FRESH_METADATA_MS, () => discover(outbound, issuer));
  return {
    metadata: read,
    keys: (issuer, anew) =>
      keySets.get(keyOf(issuer), anew ? 0 : FRESH_KEYS_MS, async () => {
        const { jwks_uri: url } = await read(issuer);
        return parseKeySet(await outbound.json(url, issuer));
      }),
  };
}

async function discover(outbound: Outbound, issuer: AskedIssuer): Promise<ProviderMetadata> {
  const url = `${issuer.url.replace(/\/+$/, '')}/.well-known/openid-configuration`;
  const parsed = metadata.safeParse(await outbound.json(url, issuer));
  if (!parsed.success) throw wrong(issuer, 'what is there is no description of an issuer');
  const { data } = parsed;
  // Else an issuer could have another's keys taken for its own.
  if (data.issuer !== issuer.url)
    throw wrong(issuer, `the issuer there is ${quote(data.issuer)}, which must be the same to the letter`);
  return data;
}

function wrong({ url }: AskedIssuer, why: string): RegistryError {
  return new RegistryError('UNAVAILABLE', `The issuer ${quote(url)} can't be relied on: ${why}.`);
}
