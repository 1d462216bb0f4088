import { randomBytes } from 'node:crypto';
import {
  context,
  createContextKey,
  INVALID_SPAN_CONTEXT,
  isSpanContextValid,
  propagation,
  ROOT_CONTEXT,
  SpanStatusCode,
  trace,
  type Attributes,
  type Context,
  type Span,
  type SpanContext,
  type SpanKind,
} from '@opentelemetry/api';
import { httpStatusOf, RegistryError } from '#libs/oci/errors.ts';

export { SpanKind, SpanStatusCode, type SpanContext } from '@opentelemetry/api';

/** What a span is opened with; `parent` is the active context unless another is named. */
export interface SpanOptions {
  readonly kind?: SpanKind;
  readonly attributes?: Attributes;
  readonly parent?: Context;
  /** A step of what others began: without a trace to belong to there is no span. Otherwise a trace begins here. */
  readonly step?: boolean;
  /** Gives the work up. That is no failure of the span, unless it was time that ran out. */
  readonly signal?: AbortSignal;
}

const tracer = trace.getTracer('meridian');

/*
 * Whether a trace is kept is decided where it begins, before there is a span: to make one that nobody will see, with its ids, would cost
 * every request what only some are worth.
 */
const LEFT_OUT = createContextKey('meridian: not traced');
const NOT_TRACED = ROOT_CONTEXT.setValue(LEFT_OUT, true);
const NO_SPAN = trace.wrapSpanContext(INVALID_SPAN_CONTEXT);
const kept = { ratio: 1 };

/** Which part of the traces that begin in this process is kept, from now on. */
export function keepTraces(ratio: number): void {
  kept.ratio = ratio;
}

/**
 * Runs `work` inside a span: it ends when the promise settles and carries the error if it rejects. A span has failed if its answer would be a
 * 5xx: a blob that is not there is an answer, a region that is not there is a failure.
 */
export async function withSpan<T>(
  name: string,
  options: SpanOptions,
  work: (span: Span) => Promise<T>,
): Promise<T> {
  const { span, active } = open(name, options);
  try {
    // Where there is no trace, nothing needs to be carried along.
    if (active === context.active()) return await work(span);
    return await context.with(active, work, undefined, span);
  } catch (error) {
    note(span, error, options.signal);
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
    note(span, error, options.signal);
    throw error;
  } finally {
    await context.with(active, async () => iterator.return?.());
    span.end();
  }
}

/** Runs `work` without the active trace: for one of the many steps of something that has its span. */
export function outsideTrace<T>(work: () => T): T {
  return context.with(ROOT_CONTEXT, work);
}

/** Iterates `source` without the active trace: for what is done again and again within a step that has its span. */
export function iterateOutsideTrace<T>(source: AsyncIterable<T>): AsyncIterable<T> {
  return {
    [Symbol.asyncIterator]: () => {
      const iterator = source[Symbol.asyncIterator]();
      return {
        next: () => context.with(ROOT_CONTEXT, () => iterator.next()),
        return: async () => {
          await context.with(ROOT_CONTEXT, async () => iterator.return?.());
          return { done: true, value: undefined };
        },
      };
    },
  };
}

/** The active trace context as W3C headers (`traceparent`, `tracestate`), for the next hop. */
export function outgoingTraceHeaders(): Record<string, string> {
  const active = context.active();
  // Nobody else is to begin a trace of what is left out.
  if (active.getValue(LEFT_OUT) === true) return { traceparent: unsampledTraceparent() };
  const carrier: Record<string, string> = {};
  propagation.inject(active, carrier);
  return carrier;
}

/** The context that W3C headers of a request describe; a new root where there are none. */
export function incomingTraceContext(headers: Record<string, string>): Context {
  return headers['traceparent'] === undefined ? ROOT_CONTEXT : propagation.extract(ROOT_CONTEXT, headers);
}

/** The same function, called with the trace that is active now. */
export function inActiveTrace(work: () => void): () => void {
  const active = context.active();
  return active === ROOT_CONTEXT || active === NOT_TRACED ? work : () => context.with(active, work);
}

/** The active span, for others to point at. */
export function activeSpanContext(): SpanContext | undefined {
  return trace.getActiveSpan()?.spanContext();
}

/** Notes in the active span that it depends on the work of another one, which may belong to another trace. */
export function linkActiveSpan(to: SpanContext | undefined): void {
  if (to !== undefined) trace.getActiveSpan()?.addLink({ context: to });
}

function open(
  name: string,
  { parent = context.active(), step = false, kind, attributes = {} }: SpanOptions,
): { span: Span; active: Context } {
  if (parent.getValue(LEFT_OUT) === true) return { span: NO_SPAN, active: parent };
  if (trace.getSpan(parent) === undefined) {
    if (step) return { span: NO_SPAN, active: parent };
    if (Math.random() >= kept.ratio) return { span: NO_SPAN, active: leftOut(parent) };
  }
  const span = tracer.startSpan(name, { ...(kind === undefined ? {} : { kind }), attributes }, parent);
  // Without a receiver of traces there are spans too, that stand for none.
  return { span, active: isSpanContextValid(span.spanContext()) ? trace.setSpan(parent, span) : parent };
}

function leftOut(parent: Context): Context {
  return parent === ROOT_CONTEXT ? NOT_TRACED : parent.setValue(LEFT_OUT, true);
}

/** https://www.w3.org/TR/trace-context/#traceparent-header */
function unsampledTraceparent(): string {
  return `00-${randomBytes(16).toString('hex')}-${randomBytes(8).toString('hex')}-00`;
}

function note(span: Span, error: unknown, signal: AbortSignal | undefined): void {
  if (signal?.aborted === true && (signal.reason as Error | undefined)?.name !== 'TimeoutError') {
    span.setAttribute('meridian.cancelled', true);
    return;
  }
  if (error instanceof RegistryError) span.setAttribute('error.type', error.code);
  if (error instanceof RegistryError && httpStatusOf(error.code) < 500) return;
  const message = error instanceof Error ? error.message : String(error);
  span.setStatus({ code: SpanStatusCode.ERROR, message });
}
