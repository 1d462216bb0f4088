import { isSpanContextValid, trace } from '@opentelemetry/api';
import { pino, type DestinationStream, type Logger } from 'pino';
import { standardOutput } from './standard-output.ts';

export type { Logger } from 'pino';

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
      timestamp: () => `,"time":"${timeOfDay()}"`,
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

/** Fields of a line that can hold no credentials. */
export type PlainFields = Readonly<Record<string, string | number | boolean | undefined>>;

/** Writes a line of the log as a logger would, but for fields as they are: looking for credentials in each takes longer than all the rest. */
export type PlainLine = (level: 'info' | 'warn', fields: PlainFields, msg: string) => void;

/** Lines of the same log, to the same destination and from the same level on. */
export function plainLines(log: Logger): PlainLine {
  const output = (log as Logger & Record<symbol, DestinationStream>)[pino.symbols.streamSym];
  if (output === undefined) throw new Error('The logger has no destination.');
  const process = members(log.bindings());
  return (level, fields, msg) => {
    if (!log.isLevelEnabled(level)) return;
    const head = `{"level":"${level}","time":"${timeOfDay()}"`;
    output.write(
      `${head}${process}${members(activeSpan())}${members(fields)},"msg":${JSON.stringify(msg)}}\n`,
    );
  };
}

/** Those of a JSON object, each after a comma. */
function members(fields: object): string {
  if (fields === NO_SPAN) return '';
  const text = JSON.stringify(fields);
  return text === '{}' ? '' : `,${text.slice(1, -1)}`;
}

const shown = { atMs: 0, text: '' };

/** Now, in UTC; written out anew only when the millisecond is another. */
function timeOfDay(): string {
  const atMs = Date.now();
  if (atMs !== shown.atMs) Object.assign(shown, { atMs, text: new Date(atMs).toISOString() });
  return shown.text;
}

const NO_SPAN = {};

function activeSpan(): object {
  const span = trace.getActiveSpan()?.spanContext();
  // Without tracing there are spans too, that stand for none.
  return span === undefined || !isSpanContextValid(span)
    ? NO_SPAN
    : { trace_id: span.traceId, span_id: span.spanId };
}
