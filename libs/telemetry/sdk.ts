import type { ContextManager, TextMapPropagator } from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { NodeSDK } from '@opentelemetry/sdk-node';
import { AlwaysOnSampler, ParentBasedSampler } from '@opentelemetry/sdk-trace';
import { keepTraces } from './trace.ts';
import type { Tracing, TracingOptions } from './tracing.ts';

interface SdkOptions extends TracingOptions {
  readonly otlpEndpoint: string;
  readonly textMapPropagator: TextMapPropagator;
  readonly contextManager: ContextManager;
}

/** OpenTelemetry's SDK for spans only: metrics are scraped (metrics.ts) and logs go to standard output (log.ts). */
export function startSdk(options: SdkOptions): Tracing {
  const { service, region, otlpEndpoint, samplingRatio, textMapPropagator, contextManager } = options;
  const sdk = new NodeSDK({
    contextManager,
    textMapPropagator,
    traceExporter: new OTLPTraceExporter({ url: `${otlpEndpoint.replace(/\/+$/, '')}/v1/traces` }),
    // What begins here and is not to be kept gets no span at all: trace.ts.
    sampler: new ParentBasedSampler({ root: new AlwaysOnSampler() }),
    resource: resourceFromAttributes({
      'service.name': service,
      'service.namespace': 'meridian',
      'cloud.region': region,
      'meridian.region': region,
    }),
    autoDetectResources: false,
    instrumentations: [],
    metricReaders: [],
    logRecordProcessors: [],
  });
  sdk.start();
  keepTraces(samplingRatio);
  return {
    stop: async (timeoutMs) => {
      const late = Promise.withResolvers<undefined>();
      const timer = setTimeout(() => late.resolve(undefined), timeoutMs);
      await Promise.race([sdk.shutdown().catch(() => undefined), late.promise]);
      clearTimeout(timer);
    },
  };
}
