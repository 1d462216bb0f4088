import type { Middleware } from 'koa';
import { RegistryError } from '#libs/oci/errors.ts';
import type { RequestParameters, RequestState } from './context.ts';

/**
 * Refuses HTTP/1.1 without exactly one Host, which Node would do without a body.
 * https://www.rfc-editor.org/rfc/rfc9112#section-3.2
 */
export const requireHost: Middleware<RequestState, RequestParameters> = (ctx, next) => {
  const hosts = hostsOf(ctx.req.rawHeaders);
  if (hosts > 1 || (hosts === 0 && ctx.req.httpVersion === '1.1')) {
    throw new RegistryError(
      'REQUEST_INVALID',
      `The request has ${hosts} Host headers; expected exactly one, as HTTP/1.1 asks for.`,
    );
  }
  return next();
};

/** Names and values take turns. */
function hostsOf(headers: readonly string[]): number {
  let hosts = 0;
  for (let i = 0; i < headers.length; i += 2) if (isHost(headers[i] ?? '')) hosts++;
  return hosts;
}

function isHost(name: string): boolean {
  return name.length === 4 && name.toLowerCase() === 'host';
}
