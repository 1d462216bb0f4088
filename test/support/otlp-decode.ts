import { fileURLToPath } from 'node:url';
import { loadSync, type MethodDefinition } from '@grpc/proto-loader';

export interface ReceivedSpan {
  /** Hexadecimal ids, as in `traceparent`; the parent's is empty for a root. */
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string;
  readonly name: string;
  readonly kind: 'internal' | 'server' | 'client' | 'producer' | 'consumer';
  readonly failed: boolean;
  readonly startedAtNs: bigint;
  readonly endedAtNs: bigint;
  readonly events: number;
  /** Spans that this one depends on, of this trace or another. */
  readonly links: readonly { readonly traceId: string; readonly spanId: string }[];
  readonly attributes: Attributes;
  /** Of the process: `service.name` and so on. */
  readonly resource: Attributes;
}

export type Attributes = Readonly<Record<string, string | number | boolean | undefined>>;

interface KeyValue {
  key: string;
  value: { stringValue?: string; boolValue?: boolean; intValue?: string; doubleValue?: number };
}

interface ExportRequest {
  resourceSpans: {
    resource: { attributes: KeyValue[] };
    scopeSpans: {
      spans: {
        traceId: Buffer;
        spanId: Buffer;
        parentSpanId: Buffer;
        name: string;
        kind: number;
        startTimeUnixNano: string;
        endTimeUnixNano: string;
        attributes: KeyValue[];
        events: object[];
        links: { traceId: Buffer; spanId: Buffer }[];
        status: { code: number } | null;
      }[];
    }[];
  }[];
}

const kinds = ['internal', 'internal', 'server', 'client', 'producer', 'consumer'] as const;
const STATUS_ERROR = 2;

const service = loadSync(fileURLToPath(new URL('otlp-trace.proto', import.meta.url)), {
  longs: String,
  defaults: true,
})['opentelemetry.proto.collector.trace.v1.TraceService'] as unknown as {
  Export: MethodDefinition<ExportRequest, object>;
};

/** The spans of one OTLP export request in protobuf. */
export function decodeSpans(body: Buffer): ReceivedSpan[] {
  return service.Export.requestDeserialize(body).resourceSpans.flatMap(({ resource, scopeSpans }) =>
    scopeSpans.flatMap(({ spans }) =>
      spans.map((span) => ({
        traceId: span.traceId.toString('hex'),
        spanId: span.spanId.toString('hex'),
        parentSpanId: span.parentSpanId.toString('hex'),
        name: span.name,
        kind: kinds[span.kind] ?? 'internal',
        failed: span.status?.code === STATUS_ERROR,
        startedAtNs: BigInt(span.startTimeUnixNano),
        endedAtNs: BigInt(span.endTimeUnixNano),
        events: span.events.length,
        links: span.links.map((link) => ({
          traceId: link.traceId.toString('hex'),
          spanId: link.spanId.toString('hex'),
        })),
        attributes: attributesOf(span.attributes),
        resource: attributesOf(resource.attributes),
      })),
    ),
  );
}

function attributesOf(pairs: KeyValue[]): Attributes {
  return Object.fromEntries(
    pairs.map(({ key, value: { stringValue, boolValue, intValue, doubleValue } }) => [
      key,
      stringValue ?? boolValue ?? (intValue === undefined ? doubleValue : Number(intValue)),
    ]),
  );
}
