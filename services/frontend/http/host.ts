import type { Middleware } from 'koa';
import { RegistryError } from '#libs/oci/errors.ts';
import type { RequestParameters, RequestState } from './context.ts';

/**
 * Refuses HTTP/1.1 without exactly one Host, which Node would do without a body.
 * https://www.rfc-editor.org/rfc/rfc9112#section-3.2
 */
export const requireHost: Middleware<RequestState, RequestParameters> = async (ctx, next) => {
  const hosts = ctx.req.headersDistinct['host']?.length ?? 0;
  if (hosts > 1 || (hosts === 0 && ctx.req.httpVersion === '1.1')) {
    throw new RegistryError(
      'REQUEST_INVALID',
      `The request has ${hosts} Host headers; expected exactly one, as HTTP/1.1 asks for.`,
    );
  }
  await next();
};
