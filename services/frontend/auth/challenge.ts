import { formatScope, type ChallengeScope } from './challenge-scope.ts';
import { RegistryError } from '#libs/oci/errors.ts';
import type { RequestContext } from '../http/context.ts';
import { SERVICE } from './tokens.ts';

/** Where the token endpoint is, below the address that clients know. */
export const TOKEN_PATH = '/meridian/v1/token';

/** A host as it may stand in a URL that clients are sent to; anything else in a Host header is not repeated. */
const HOST = /^(?:[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252}[A-Za-z0-9])?|\[[0-9A-Fa-f:.]{2,45}\])(?::\d{1,5})?$/;

export interface Challenge {
  readonly scope?: ChallengeScope;
  /** https://www.rfc-editor.org/rfc/rfc6750#section-3.1 */
  readonly error?: 'invalid_token' | 'insufficient_scope';
}

/**
 * Tells how to get in: Docker's clients by a token, people with `curl` by name and password. X-Forwarded headers are never believed:
 * behind a proxy that speaks TLS, the public address is a setting.
 * https://distribution.github.io/distribution/spec/auth/token/
 */
export function challenge(
  ctx: RequestContext,
  publicUrl: string | undefined,
  { scope, error }: Challenge,
): void {
  const realm = `${publicUrl ?? `http://${hostOf(ctx)}`}${TOKEN_PATH}`;
  const parameters = [
    `realm="${realm}"`,
    `service="${SERVICE}"`,
    ...(scope === undefined ? [] : [`scope="${formatScope(scope)}"`]),
    ...(error === undefined ? [] : [`error="${error}"`]),
  ];
  const bearer = `Bearer ${parameters.join(',')}`;
  const isDockers = ctx.path.startsWith('/v2');
  ctx.set('WWW-Authenticate', isDockers ? bearer : [BASIC, bearer]);
  if (isDockers) ctx.set('Docker-Distribution-API-Version', 'registry/2.0');
}

/** For the token endpoint, where one proves by name and password who one is. */
export function challengeBasic(ctx: RequestContext): void {
  ctx.set('WWW-Authenticate', BASIC);
}

const BASIC = `Basic realm="${SERVICE}", charset="UTF-8"`;

function hostOf(ctx: RequestContext): string {
  const { host } = ctx.req.headers;
  if (host === undefined) return `${ctx.req.socket.localAddress ?? ''}:${ctx.req.socket.localPort ?? ''}`;
  if (HOST.test(host)) return host;
  throw new RegistryError(
    'REQUEST_INVALID',
    'The Host header is no host name or address, with a port or without.',
  );
}
