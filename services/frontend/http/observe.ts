import type { Middleware } from 'koa';
import { RegistryError } from '#libs/oci/errors.ts';
import {
  inActiveTrace,
  incomingTraceContext,
  SpanKind,
  SpanStatusCode,
  withSpan,
} from '#libs/telemetry/trace.ts';
import type { Asked } from '../audit/auditing.ts';
import type { FrontendSettings } from '../settings.ts';
import { awaitsContinue, discardRest, hasBody } from './body.ts';
import type { RequestContext, RequestParameters, RequestState } from './context.ts';
import { createOriginOf } from './origin.ts';
import { tellRegionsUsed } from './regions-used.ts';
import { BegunRequest, type RegionsUsed } from './request-state.ts';
import { watchAnswer } from './send.ts';

/** One finished request, for the access log and metrics. */
export interface RequestRecord {
  readonly method: string;
  /** The route's template, such as `/v2/<name>/tags/list`; empty where none matches. */
  readonly route: string;
  readonly path: string;
  readonly status: number;
  /** The client went away, or the connection was cut, before the answer was whole. */
  readonly aborted: boolean;
  /** Bytes of the bodies. */
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly durationMs: number;
  readonly repository: string | undefined;
  readonly failure: unknown;
  readonly userAgent: string | undefined;
  /** The client was ended because it took or sent too little for too long. */
  readonly stalled: 'reader' | 'writer' | undefined;
  readonly asked: Asked;
}

export type OnRequest = (record: RequestRecord) => void;

type Limits = Pick<
  FrontendSettings,
  'maxDiscardedBytes' | 'discardTimeoutMs' | 'minimumRate' | 'trustedProxies'
>;

/** Gives each request its state, its span and its record. */
export function observe(
  onRequest: OnRequest,
  regionsUsed: RegionsUsed,
  limits: Limits,
): Middleware<RequestState, RequestParameters> {
  const originOf = createOriginOf(limits.trustedProxies);
  return async (ctx, next) => {
    const startedAt = performance.now();
    const state = new BegunRequest({
      awaitsContinue: awaitsContinue(ctx.req),
      minimumRate: limits.minimumRate,
      origin: originOf(ctx.req),
      regionsUsed,
    });
    ctx.state = state;
    if (hasBody(ctx)) {
      ctx.res.once('prefinish', () =>
        discardRest(ctx.req, limits.maxDiscardedBytes, limits.discardTimeoutMs),
      );
    }
    await inSpan(ctx, async () => {
      const onClose = (): void => {
        const aborted = !ctx.res.writableFinished;
        if (aborted) state.left();
        onRequest(recordOf(ctx, aborted, performance.now() - startedAt));
      };
      // Bound, so that the log line of the request has its trace.
      ctx.res.once('close', inActiveTrace(onClose));
      await next();
      tellRegionsUsed(ctx);
      if (ctx.respond !== false && Buffer.isBuffer(ctx.body)) watchAnswer(ctx, ctx.body.length);
      // Whether a body follows after all can't be known, so what comes next on this connection can't be, either.
      if (ctx.state.awaitsContinue && !ctx.headerSent) ctx.set('Connection', 'close');
    });
  };
}

/** The span of a request; it is named once the route is known. */
async function inSpan(ctx: RequestContext, handle: () => Promise<void>): Promise<void> {
  const { traceparent = '', tracestate = '' } = ctx.req.headers as Record<string, string | undefined>;
  const parent = incomingTraceContext(traceparent === '' ? {} : { traceparent, tracestate });
  const attributes = { 'http.request.method': ctx.method };
  await withSpan('HTTP', { kind: SpanKind.SERVER, parent, attributes }, async (span) => {
    await handle();
    if (!span.isRecording()) return;
    const { route, repository, failure } = ctx.state;
    span.updateName(`HTTP ${ctx.method} ${route}`.trimEnd());
    span.setAttribute('http.response.status_code', ctx.status);
    if (route !== '') span.setAttribute('http.route', route);
    if (repository !== undefined) span.setAttribute('meridian.repository', repository);
    if (failure instanceof RegistryError) span.setAttribute('error.type', failure.code);
    const cut = ctx.res.destroyed && !ctx.res.writableFinished;
    if (ctx.status >= 500 || cut) {
      const message = failure instanceof Error ? failure.message : 'The answer was not sent whole.';
      span.setStatus({ code: SpanStatusCode.ERROR, message });
    }
  });
}

function recordOf(ctx: RequestContext, aborted: boolean, durationMs: number): RequestRecord {
  const { route, repository, bytesIn, bytesOut, failure, stalled } = ctx.state;
  return {
    method: ctx.method,
    route,
    path: ctx.path,
    status: ctx.status,
    aborted,
    bytesIn,
    bytesOut,
    durationMs,
    repository,
    failure,
    userAgent: ctx.req.headers['user-agent'],
    stalled,
    asked: askedOf(ctx),
  };
}

function askedOf({ req, state }: RequestContext): Asked {
  const { need, admitted, tried, vouched, origin, access } = state;
  const hasCredentials = tried !== '' || vouched !== undefined || req.headers.authorization !== undefined;
  return {
    need,
    admitted,
    name: access.name,
    id: access.owner ?? '',
    tried,
    vouched,
    hasCredentials,
    from: origin.address,
  };
}
