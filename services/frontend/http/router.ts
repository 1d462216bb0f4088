import { Router, type Layer } from '@koa/router';
import type { Middleware } from 'koa';
import { RegistryError } from '#libs/oci/errors.ts';
import type { Handler, RequestContext, RequestParameters, RequestState } from './context.ts';

export type Method = 'get' | 'post' | 'put' | 'patch' | 'delete';

/** What answers a method at the paths of a template. In `/v2/*name/blobs/:digest`, `:` takes a segment of the path and `*` at least one. */
export interface Answering {
  readonly method: Method;
  readonly path: string;
  readonly handler: Handler;
  /** Refuses every request, and `Allow` does not name its method. */
  readonly isTurnedOff: boolean;
}

/** The methods of one template. */
interface Place {
  readonly template: string;
  readonly names: readonly string[];
  readonly expression: RegExp;
  readonly handlers: Map<string, Handler>;
  /** As `Allow` names them. */
  readonly allowed: string[];
}

/**
 * Has each request answered by the first route that fits it; GET's answers HEAD as well. Letters differ in case, and a slash at the end counts. What has no
 * route stays 404, and a path whose routes don't take the method becomes 405.
 */
export function routing(routes: readonly Answering[]): Middleware<RequestState, RequestParameters> {
  const places = placesOf(routes);
  return async (ctx) => {
    const { path } = ctx;
    const method = ctx.method === 'HEAD' ? 'GET' : ctx.method;
    for (const place of places) {
      const handler = place.handlers.get(method);
      const match = handler === undefined ? null : place.expression.exec(path);
      if (handler === undefined || match === null) continue;
      ctx.params = parametersOf(place, match);
      ctx.state.route = place.template;
      return answering(ctx, handler, place, method);
    }
    tellMethods(ctx, places);
  };
}

/** The path as the spec writes it: `/v2/<name>/manifests/<reference>`. */
function templateOf(path: string): string {
  return path.replaceAll(/[*:](\w+)/g, '<$1>');
}

/** The router's own dispatch would look at all routes for each request, and run a chain of middleware for the one that fits. */
function placesOf(routes: readonly Answering[]): Place[] {
  const router = new Router<RequestState, RequestParameters>({ sensitive: true, strict: true });
  const places = new Map<string, Place>();
  for (const { method, path, handler, isTurnedOff } of routes) {
    router[method](path, handler);
    const place = places.get(path) ?? newPlace(path, router.stack.at(-1));
    places.set(path, place);
    place.handlers.set(method.toUpperCase(), handler);
    if (isTurnedOff) continue;
    if (method === 'get') place.allowed.push('HEAD');
    place.allowed.push(method.toUpperCase());
  }
  return [...places.values()];
}

/** Of the route that was given to the router last. */
function newPlace(path: string, layer: Pick<Layer, 'regexp' | 'paramNames'> | undefined): Place {
  if (layer === undefined) throw new Error(`The router did not take ${path}.`);
  return {
    template: templateOf(path),
    names: layer.paramNames.map(({ name }) => name),
    expression: layer.regexp,
    handlers: new Map(),
    allowed: [],
  };
}

function parametersOf({ names }: Place, match: RegExpExecArray): Record<string, string> {
  const parameters: Record<string, string> = {};
  for (let i = 0; i < names.length; i++) parameters[names[i] ?? ''] = decoded(match[i + 1] ?? '');
  return parameters;
}

/** What is no valid encoding stays as it is: no grammar allows it. */
function decoded(text: string): string {
  if (!text.includes('%')) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

async function answering(
  ctx: RequestContext,
  handler: Handler,
  { allowed }: Place,
  refused: string,
): Promise<void> {
  try {
    await handler(ctx);
  } catch (error) {
    if (error instanceof RegistryError && error.code === 'UNSUPPORTED') {
      ctx.set('Allow', allowed.filter((method) => method !== refused).join(', '));
    }
    throw error;
  }
}

/** https://www.rfc-editor.org/rfc/rfc9110#section-15.5.6 */
function tellMethods(ctx: RequestContext, places: readonly Place[]): void {
  const here = places.filter(({ expression }) => expression.test(ctx.path));
  const allowed = new Set(here.flatMap((place) => place.allowed));
  if (allowed.size === 0) return;
  if (ctx.method === 'OPTIONS') ctx.body = '';
  else ctx.status = 405;
  ctx.set('Allow', Array.from(allowed).join(', '));
}
