import type { IncomingMessage } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { gunzipSync } from 'node:zlib';
import { startCollector, type Collector } from './collector.ts';
import { decodeSpans, type ReceivedSpan } from './otlp-decode.ts';

export type { ReceivedSpan } from './otlp-decode.ts';

/** A span with what happened inside it, in the order of their start. */
export interface SpanTree extends ReceivedSpan {
  readonly children: readonly SpanTree[];
}

export interface OtlpReceiver extends Collector {
  /** Everything received of one trace (hexadecimal id), as trees; more than one root where a parent is not (yet) here. */
  trace(traceId: string): readonly SpanTree[];
  spans(): readonly ReceivedSpan[];
}

/** Takes traces by OTLP over HTTP as a collector does, protobuf only, and keeps them. */
export async function startOtlpReceiver(): Promise<OtlpReceiver> {
  const received: ReceivedSpan[] = [];
  const collector = await startCollector(async (request) => {
    received.push(...(await receive(request)));
  });
  return {
    ...collector,
    trace: (traceId) => treesOf(received.filter((span) => span.traceId === traceId)),
    spans: () => received,
  };
}

/** A tree in words, one line a span, indented: what a test compares with. */
export function outline(trees: readonly SpanTree[], indent = ''): string[] {
  return trees.flatMap((tree) => [
    `${indent}${tree.kind} ${tree.name}`,
    ...outline(tree.children, `${indent}  `),
  ]);
}

async function receive(request: IncomingMessage): Promise<ReceivedSpan[]> {
  if (request.method !== 'POST' || request.url !== '/v1/traces')
    throw new Error(`${request.method ?? ''} ${request.url ?? ''} is not where traces go`);
  if (request.headers['content-type'] !== 'application/x-protobuf') throw new Error('expected protobuf');
  const body = await buffer(request);
  return decodeSpans(request.headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body);
}

function treesOf(spans: readonly ReceivedSpan[]): readonly SpanTree[] {
  const known = new Set(spans.map(({ spanId }) => spanId));
  const below = (parents: (span: ReceivedSpan) => boolean): SpanTree[] =>
    spans
      .filter(parents)
      .sort((a, b) => (a.startedAtNs < b.startedAtNs ? -1 : 1))
      .map((span) => ({ ...span, children: below(({ parentSpanId }) => parentSpanId === span.spanId) }));
  return below(({ parentSpanId }) => !known.has(parentSpanId));
}
