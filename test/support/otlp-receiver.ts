import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { gunzipSync } from 'node:zlib';
import { decodeSpans, type ReceivedSpan } from './otlp-decode.ts';

export type { ReceivedSpan } from './otlp-decode.ts';

/** A span with what happened inside it, in the order of their start. */
export interface SpanTree extends ReceivedSpan {
  readonly children: readonly SpanTree[];
}

export interface OtlpReceiver {
  /** For OTEL_EXPORTER_OTLP_ENDPOINT. */
  readonly endpoint: string;
  /** Everything received of one trace (hexadecimal id), as trees; more than one root where a parent is not (yet) here. */
  trace(traceId: string): readonly SpanTree[];
  spans(): readonly ReceivedSpan[];
  close(): Promise<void>;
}

/** Takes traces by OTLP over HTTP as a collector does, protobuf only, and keeps them. */
export async function startOtlpReceiver(): Promise<OtlpReceiver> {
  const received: ReceivedSpan[] = [];
  const server = createServer((request, response) => {
    receive(request).then(
      (spans) => {
        received.push(...spans);
        response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end();
      },
      (error: unknown) => response.writeHead(400).end(String(error)),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    trace: (traceId) => treesOf(received.filter((span) => span.traceId === traceId)),
    spans: () => received,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
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
