import {
  context,
  propagation,
  ROOT_CONTEXT,
  SpanStatusCode,
  trace,
  type Attributes,
  type Context,
  type Span,
  type SpanKind,
} from '@opentelemetry/api';

export { SpanKind, SpanStatusCode } from '@opentelemetry/api';

/** What a span is opened with; `parent` is the active context unless another is named. */
export interface SpanOptions {
  readonly kind?: SpanKind;
  readonly attributes?: Attributes;
  readonly parent?: Context;
}

const tracer = trace.getTracer('meridian');

/** Runs `work` inside a span: it ends when the promise settles and carries the error if it rejects. */
export async function withSpan<T>(
  name: string,
  options: SpanOptions,
  work: (span: Span) => Promise<T>,
): Promise<T> {
  const { span, active } = open(name, options);
  try {
    return await context.with(active, work, undefined, span);
  } catch (error) {
    fail(span, error);
    throw error;
  } finally {
    span.end();
  }
}

/**
 * Iterates `source` inside a span that covers the whole stream: what the producer does between two elements
 * sees the span as its parent. Returning early closes the producer and ends the span.
 */
export async function* streamInSpan<T>(
  name: string,
  options: SpanOptions,
  source: (span: Span) => AsyncIterable<T>,
): AsyncGenerator<T, void, undefined> {
  const { span, active } = open(name, options);
  const iterator = context.with(active, () => source(span)[Symbol.asyncIterator]());
  try {
    for (;;) {
      const step = await context.with(active, () => iterator.next());
      if (step.done === true) return;
      yield step.value;
    }
  } catch (error) {
    fail(span, error);
    throw error;
  } finally {
    await context.with(active, async () => iterator.return?.());
    span.end();
  }
}

/** The active trace context as W3C headers (`traceparent`, `tracestate`), for the next hop. */
export function outgoingTraceHeaders(): Record<string, string> {
  const carrier: Record<string, string> = {};
  propagation.inject(context.active(), carrier);
  return carrier;
}

/** The context that W3C headers of a request describe; a new root where there are none. */
export function incomingTraceContext(headers: Record<string, string>): Context {
  return propagation.extract(ROOT_CONTEXT, headers);
}

function open(
  name: string,
  { parent = context.active(), ...options }: SpanOptions,
): { span: Span; active: Context } {
  const span = tracer.startSpan(name, options, parent);
  return { span, active: trace.setSpan(parent, span) };
}

function fail(span: Span, error: unknown): void {
  const message = error instanceof Error ? error.message : String(error);
  span.setStatus({ code: SpanStatusCode.ERROR, message });
}
