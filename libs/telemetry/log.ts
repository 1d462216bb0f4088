import { isSpanContextValid, trace } from '@opentelemetry/api';
import { pino, type DestinationStream, type Logger } from 'pino';
import { standardOutput } from './standard-output.ts';

export type { Logger } from 'pino';

/** The same log, for lines whose fields can hold no credentials: looking for these takes longer than all the rest. */
export function withoutRedaction(log: Logger): Logger {
  return log.child({}, { redact: [] });
}

export interface LogOptions {
  readonly service: string;
  readonly region: string;
  readonly level: 'debug' | 'info' | 'warn' | 'error' | 'silent';
  /** Default: standard output. */
  readonly destination?: DestinationStream;
}

/** Credentials, wherever a logged object carries headers. */
const SECRETS = ['authorization', 'proxy-authorization', 'cookie', 'set-cookie'];

/**
 * A logger that writes a line of JSON for each event, with the trace and span that were active. Errors go under the
 * key `err`: `log.error({ err }, 'The blob was not replicated.')`.
 */
export function createLog({ service, region, level, destination }: LogOptions): Logger {
  return pino(
    {
      level,
      base: { service, region },
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
      mixin: activeSpan,
      redact: {
        paths: SECRETS.flatMap((name) =>
          ['', '*.', '*.*.'].map((above) => `${above}["${name}"]`.replace('.[', '[')),
        ),
        censor: '[redacted]',
      },
    },
    destination ?? standardOutput(),
  );
}

function activeSpan(): object {
  const span = trace.getActiveSpan()?.spanContext();
  // Without tracing there are spans too, that stand for none.
  return span === undefined || !isSpanContextValid(span)
    ? {}
    : { trace_id: span.traceId, span_id: span.spanId };
}
