import { z } from 'zod';
import type { IssuerRecord, People } from '#libs/auth/issuer.ts';
import type { Entry } from '#libs/auth/policy.ts';
import { RegistryError } from '#libs/oci/errors.ts';
import type { ForeignTokens } from './foreign-tokens.ts';
import type { Outbound } from './outbound.ts';
import type { ProviderMetadata, Providers } from './providers.ts';

/** A login at an issuer that is under way. https://openid.net/specs/openid-connect-core-1_0.html#CodeFlowAuth */
export interface BegunLogin {
  readonly nonce: string;
  /** Of PKCE: https://www.rfc-editor.org/rfc/rfc7636 */
  readonly verifier: string;
  readonly redirectUri: string;
}

/** What an issuer says of a person. */
export type Claims = Readonly<Record<string, unknown>> & { readonly sub: string };

export interface CodeFlow {
  readonly outbound: Outbound;
  readonly providers: Providers;
  readonly foreignTokens: ForeignTokens;
}

const MAX_AGE_SECONDS = 600;
const answer = z.looseObject({ id_token: z.string(), access_token: z.string().optional() });

/** What the issuer says of whoever it gave the code. Throws UNAUTHORIZED, and UNAVAILABLE where the issuer can't be asked. */
export async function redeemCode(
  { outbound, providers, foreignTokens }: CodeFlow,
  issuer: Entry<IssuerRecord>,
  people: People,
  code: string,
  { nonce, verifier, redirectUri }: BegunLogin,
): Promise<Claims> {
  const { record } = issuer;
  const metadata = await providers.metadata(record);
  const form = new URLSearchParams({
    grant_type: 'authorization_code',
    code,
    redirect_uri: redirectUri,
    code_verifier: verifier,
  });
  const headers = authenticateClient(people, metadata, form);
  const { allowPrivate } = record;
  const told = answer.safeParse(
    await outbound.json(metadata.token_endpoint ?? '', { allowPrivate, headers, form }),
  );
  if (!told.success) throw refused('it gave no token that says who you are');
  const expected = { audiences: [people.clientId], maxAgeSeconds: MAX_AGE_SECONDS };
  const claims = await foreignTokens.verify(issuer, told.data.id_token, expected);
  const { aud, azp = people.clientId } = claims as { aud?: string | string[]; azp?: unknown };
  if (azp !== people.clientId || (Array.isArray(aud) && aud.length > 1 && claims['azp'] === undefined))
    throw refused('its token was made for someone else');
  if (claims['nonce'] !== nonce) throw refused('its token is of another login');
  return {
    ...(await userInfo(outbound, issuer, people, metadata, told.data.access_token, claims)),
    ...claims,
  };
}

/** Claims that are not in the token may be told to whoever asks for them. https://openid.net/specs/openid-connect-core-1_0.html#UserInfo */
async function userInfo(
  outbound: Outbound,
  { record: { allowPrivate } }: Entry<IssuerRecord>,
  { nameClaim, groupsClaim = nameClaim }: People,
  { userinfo_endpoint: url }: ProviderMetadata,
  accessToken: string | undefined,
  claims: Claims,
): Promise<object> {
  const isComplete = [nameClaim, groupsClaim].every((claim) => Object.hasOwn(claims, claim));
  if (isComplete || url === undefined || accessToken === undefined) return {};
  const headers = { authorization: `Bearer ${accessToken}` };
  const told = z
    .looseObject({ sub: z.string() })
    .safeParse(await outbound.json(url, { allowPrivate, headers }));
  if (told.data?.sub !== claims.sub) throw refused('it tells of someone else than its token does');
  return told.data;
}

/** https://openid.net/specs/openid-connect-core-1_0.html#ClientAuthentication */
function authenticateClient(
  { clientId, clientSecret }: People,
  { token_endpoint_auth_methods_supported: methods }: ProviderMetadata,
  form: URLSearchParams,
): Record<string, string> {
  if (clientSecret !== undefined && methods.includes('client_secret_basic')) {
    const credentials = [clientId, clientSecret].map(encodeURIComponent).join(':');
    return { authorization: `Basic ${Buffer.from(credentials).toString('base64')}` };
  }
  form.set('client_id', clientId);
  if (clientSecret !== undefined) form.set('client_secret', clientSecret);
  return {};
}

function refused(why: string): RegistryError {
  return new RegistryError(
    'UNAUTHORIZED',
    `The issuer did not prove who you are: ${why}. Begin the login again.`,
  );
}
