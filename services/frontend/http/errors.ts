import type { Middleware } from 'koa';
import { errorBody, httpStatusOf, RegistryError } from '#libs/oci/errors.ts';
import { quote } from '#libs/oci/quote.ts';
import { answerJson } from './answer.ts';
import type { RequestContext, RequestParameters, RequestState } from './context.ts';

/** Takes note of an error that is a fault of the program. */
export type OnFault = (error: unknown, where: string) => void;

/**
 * Turns whatever is thrown into the spec's JSON: the one place where errors become answers.
 * https://github.com/opencontainers/distribution-spec/blob/main/spec.md#error-codes
 */
export function answerErrors(onFault: OnFault): Middleware<RequestState, RequestParameters> {
  return async (ctx, next) => {
    try {
      await next();
      if (ctx.status === 404 || ctx.status === 405) refuse(ctx);
    } catch (error) {
      ctx.state.failure = error;
      const gone = ctx.state.signal.aborted;
      if (!gone && !(error instanceof RegistryError)) onFault(error, `${ctx.method} ${ctx.state.route}`);
      // After the header, or for no one, there is nothing left to say.
      if (gone || ctx.headerSent) {
        ctx.respond = false;
        ctx.res.destroy();
      } else {
        answer(ctx, error instanceof RegistryError ? error : fault());
      }
    }
  };
}

/** The header of an error's answer, by name. Whoever is told to come back is told when. */
export function errorHeaders({ code, retryAfterSeconds }: RegistryError): Record<string, string> {
  const status = httpStatusOf(code);
  const seconds = retryAfterSeconds ?? (status === 429 || status === 503 ? RETRY_AFTER_SECONDS : undefined);
  return {
    ...(seconds === undefined ? {} : { 'Retry-After': String(Math.ceil(seconds)) }),
    // The rest of the request is not waited for.
    ...(code === 'TIMEOUT' ? { Connection: 'close' } : {}),
  };
}

const RETRY_AFTER_SECONDS = 5;

function answer(ctx: RequestContext, error: RegistryError): void {
  ctx.set(errorHeaders(error));
  answerJson(ctx, errorBody(error));
  ctx.status = httpStatusOf(error.code);
}

/** What the router has left: a path that is no route's, or a method that the path's routes don't take. */
function refuse(ctx: RequestContext): void {
  if (ctx.status === 405) {
    const allowed = ctx.response.get('Allow');
    throw new RegistryError('UNSUPPORTED', `${ctx.method} is not supported here; use one of ${allowed}.`);
  }
  if (ctx.body !== undefined && ctx.body !== null) return;
  throw new RegistryError(
    'NAME_UNKNOWN',
    `There is nothing at ${quote(ctx.path)}: the registry's API is at /v2/ and below.`,
  );
}

function fault(): RegistryError {
  return new RegistryError(
    'INTERNAL',
    'The registry met an error it did not expect; its log has the particulars.',
  );
}
