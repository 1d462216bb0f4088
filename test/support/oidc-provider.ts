import { createHash, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { exportJWK, generateKeyPair, SignJWT, type CryptoKey, type JWK } from 'jose';

/** A provider of OpenID Connect of the tests' own, on this machine, that does what the standard says and no more. */
export interface OidcProvider {
  readonly url: string;
  readonly client: { readonly id: string; readonly secret: string };
  /** Whoever comes to its page is this one, without being asked. */
  person: { readonly sub: string; readonly [claim: string]: unknown };
  /** Where it tells claims but `sub`: in the token, or to whoever asks for them. */
  claimsIn: 'token' | 'userinfo';
  /** Says so of itself instead. */
  describe(metadata: object): void;
  /** A token of these claims, good for five minutes from now where they don't say otherwise. */
  issue(claims: object, header?: object): Promise<string>;
  /** Signs with another key from now on, and publishes no other. */
  rotate(): Promise<void>;
  /** The public key that it signs with. */
  publicKey(): Promise<JWK>;
  /** How often a path was asked for. */
  asked(path: string): number;
  close(): Promise<void>;
}

interface Grant {
  readonly redirectUri: string;
  readonly challenge: string;
  readonly nonce: string | null;
}

export async function startOidcProvider(
  redirects: (uri: string) => boolean = () => true,
): Promise<OidcProvider> {
  let key: { kid: string; publicKey: CryptoKey; privateKey: CryptoKey };
  let overrides: object = {};
  const grants = new Map<string, Grant>();
  const accessTokens = new Map<string, OidcProvider['person']>();
  const counts = new Map<string, number>();
  const client = { id: 'meridian', secret: 'the secret of: the client %' };
  const rotate = async (): Promise<void> => {
    key = { kid: randomUUID(), ...(await generateKeyPair('RS256', { extractable: true })) };
  };
  await rotate();

  const authorize = (query: URLSearchParams): string => {
    const redirectUri = query.get('redirect_uri') ?? '';
    if (query.get('client_id') !== client.id || !redirects(redirectUri))
      throw new Error('no such client or redirect');
    if (query.get('response_type') !== 'code' || query.get('code_challenge_method') !== 'S256')
      throw new Error('no code with PKCE was asked for');
    if (query.get('scope')?.split(' ').includes('openid') !== true)
      throw new Error('openid is not in the scope');
    const code = randomUUID();
    grants.set(code, {
      redirectUri,
      challenge: query.get('code_challenge') ?? '',
      nonce: query.get('nonce'),
    });
    const answer = new URLSearchParams({ code, state: query.get('state') ?? '', iss: provider.url });
    return `${redirectUri}?${answer.toString()}`;
  };
  const redeem = async (request: IncomingMessage): Promise<object> => {
    const form = new URLSearchParams(await text(request));
    const encoded = [client.id, client.secret].map((part) => encodeURIComponent(part)).join(':');
    if (request.headers.authorization !== `Basic ${Buffer.from(encoded).toString('base64')}`)
      throw new Error('wrong client');
    const grant = grants.get(form.get('code') ?? '');
    grants.delete(form.get('code') ?? '');
    const challenge = createHash('sha256')
      .update(form.get('code_verifier') ?? '')
      .digest('base64url');
    if (grant?.challenge !== challenge || grant.redirectUri !== form.get('redirect_uri'))
      throw new Error('wrong code');
    const { sub, ...claims } = provider.person;
    const said = provider.claimsIn === 'token' ? claims : {};
    const idToken = await provider.issue({
      sub,
      aud: client.id,
      ...(grant.nonce !== null && { nonce: grant.nonce }),
      ...said,
    });
    const accessToken = randomUUID();
    accessTokens.set(accessToken, provider.person);
    return { access_token: accessToken, token_type: 'Bearer', expires_in: 300, id_token: idToken };
  };
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { pathname, searchParams } = new URL(request.url ?? '/', provider.url);
    counts.set(pathname, (counts.get(pathname) ?? 0) + 1);
    switch (pathname) {
      case '/.well-known/openid-configuration':
        json(response, { ...metadata(provider.url), ...overrides });
        return;
      case '/jwks':
        json(response, { keys: [{ ...(await provider.publicKey()), kid: key.kid, use: 'sig' }] });
        return;
      case '/authorize':
        response.writeHead(302, { location: authorize(searchParams) }).end();
        return;
      case '/token':
        json(response, await redeem(request));
        return;
      case '/userinfo': {
        const person = accessTokens.get(request.headers.authorization?.replace('Bearer ', '') ?? '');
        if (person === undefined) throw new Error('wrong access token');
        json(response, person);
        return;
      }
      default:
        response.writeHead(404).end();
    }
  };
  const server = createServer((request, response) => {
    answer(request, response).catch((error: unknown) => {
      if (!response.headersSent) response.writeHead(400, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ error: 'invalid_request', error_description: String(error) }));
    });
  });
  server.listen({ host: '127.0.0.1', port: 0 });
  await once(server, 'listening');
  const provider: OidcProvider = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    client,
    person: { sub: '1', preferred_username: 'alice', groups: [] },
    claimsIn: 'token',
    describe: (changed) => {
      overrides = changed;
    },
    issue: (claims, header = {}) => {
      const now = Math.floor(Date.now() / 1000);
      const all = { iss: provider.url, iat: now, exp: now + 300, ...claims };
      return new SignJWT(all)
        .setProtectedHeader({ alg: 'RS256', kid: key.kid, typ: 'JWT', ...header })
        .sign(key.privateKey);
    },
    rotate,
    publicKey: () => exportJWK(key.publicKey),
    asked: (path) => counts.get(path) ?? 0,
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
  return provider;
}

function metadata(url: string): object {
  return {
    issuer: url,
    jwks_uri: `${url}/jwks`,
    authorization_endpoint: `${url}/authorize`,
    token_endpoint: `${url}/token`,
    userinfo_endpoint: `${url}/userinfo`,
    response_types_supported: ['code'],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: ['RS256'],
    authorization_response_iss_parameter_supported: true,
  };
}

function json(response: ServerResponse, body: object): void {
  response
    .writeHead(200, { 'content-type': 'application/json', 'cache-control': 'no-store' })
    .end(JSON.stringify(body));
}
