import { formatScope, type ChallengeScope } from './challenge-scope.ts';
import { RegistryError } from '#libs/oci/errors.ts';
import type { RequestContext } from '../http/context.ts';
import { HOST } from '../http/origin.ts';
import { SERVICE } from './tokens.ts';

/** Where the token endpoint is, below the address that clients know. */
export const TOKEN_PATH = '/meridian/v1/token';

export interface Challenge {
  readonly scope?: ChallengeScope;
  /** https://www.rfc-editor.org/rfc/rfc6750#section-3.1 */
  readonly error?: 'invalid_token' | 'insufficient_scope';
}

/**
 * Tells how to get in: Docker's clients by a token, people with `curl` by name and password. Where the public address is no setting, it is what the
 * client called.
 * https://distribution.github.io/distribution/spec/auth/token/
 */
export function challenge(
  ctx: RequestContext,
  publicUrl: string | undefined,
  { scope, error }: Challenge,
): void {
  const realm = `${publicUrlOf(ctx, publicUrl)}${TOKEN_PATH}`;
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

/** What clients call the registry: the setting or, without one, what this client calls it. */
export function publicUrlOf(ctx: RequestContext, publicUrl: string | undefined): string {
  return publicUrl ?? `${ctx.state.origin.scheme}://${hostOf(ctx)}`;
}

/** For the token endpoint, where one proves by name and password who one is. */
export function challengeBasic(ctx: RequestContext): void {
  ctx.set('WWW-Authenticate', BASIC);
}

const BASIC = `Basic realm="${SERVICE}", charset="UTF-8"`;

function hostOf(ctx: RequestContext): string {
  const { host } = ctx.state.origin;
  if (host === undefined) return `${ctx.req.socket.localAddress ?? ''}:${ctx.req.socket.localPort ?? ''}`;
  if (HOST.test(host)) return host;
  throw new RegistryError(
    'REQUEST_INVALID',
    'The Host header is no host name or address, with a port or without.',
  );
}
