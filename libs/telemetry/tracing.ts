import { context, propagation } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { W3CTraceContextPropagator } from '@opentelemetry/core';

export interface TracingOptions {
  readonly service: string;
  readonly region: string;
  /** The base URL of an OTLP receiver over HTTP, such as `http://127.0.0.1:4318`. */
  readonly otlpEndpoint: string | undefined;
  /** Which part of the traces that begin here is kept; what began elsewhere follows its `traceparent`. */
  readonly samplingRatio: number;
}

export interface Tracing {
  /** Sends the spans that are left, for `timeoutMs` at most; what can't be sent is lost. */
  stop(timeoutMs: number): Promise<void>;
}

/**
 * Turns on the spans of trace.ts for this process; call it once, before anything is served. Without an endpoint no
 * span is made, but an incoming `traceparent` still reaches every outgoing call.
 */
export async function startTracing(options: TracingOptions): Promise<Tracing> {
  const { otlpEndpoint } = options;
  const textMapPropagator = new W3CTraceContextPropagator();
  const contextManager = new AsyncLocalStorageContextManager();
  if (otlpEndpoint === undefined) {
    context.setGlobalContextManager(contextManager.enable());
    propagation.setGlobalPropagator(textMapPropagator);
    return { stop: () => Promise.resolve() };
  }
  // Loaded where it is used: the SDK takes half a second and 40 MB.
  const { startSdk } = await import('./sdk.ts');
  return startSdk({ ...options, otlpEndpoint, textMapPropagator, contextManager });
}
