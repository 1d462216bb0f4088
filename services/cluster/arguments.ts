import { resolve } from 'node:path';
import { parseArgs } from 'node:util';

/** What `npm start -- …` may be told. */
export interface ClusterArguments {
  /** Regions to start; all of them unless one is named. */
  readonly only: string | undefined;
  readonly dataDir: string;
  readonly firstPort: number;
  /** etcd's members; empty: the embedded coordinator. The n-th region prefers the n-th. */
  readonly etcd: readonly string[];
  /** Redis servers; empty: none. The n-th region uses the n-th, or the last there is. */
  readonly redis: readonly string[];
  readonly otlp: string | undefined;
  readonly help: boolean;
}

export const usage = `Usage: npm start -- [options]

Starts three regions of Meridian on this machine: us, eu and ap.

  --data DIR       where everything is kept (default: ./data)
  --port N         the front ends listen at N, N+1 and N+2 (default: 5001); N+99 … N+102 are used between processes
  --etcd URL,…     real etcd instead of the embedded coordinator; one URL, or one for each region's own member
  --redis URL,…    Redis instead of process memory; one URL, or one for each region
  --otlp URL       send traces to an OpenTelemetry collector, for example http://127.0.0.1:4318
  --region NAME    start only this region again, beside the others that are still running
  --help           this text
`;

const MAX_PORT = 65_535 - 102;

/** Throws an Error whose message is for the user. */
export function parseArguments(argv: readonly string[], regions: readonly string[]): ClusterArguments {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      data: { type: 'string', default: 'data' },
      port: { type: 'string', default: '5001' },
      etcd: { type: 'string', default: '' },
      redis: { type: 'string', default: '' },
      otlp: { type: 'string' },
      region: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.region !== undefined && !regions.includes(values.region)) {
    throw new Error(`--region ${values.region}: expected one of ${regions.join(', ')}.`);
  }
  return {
    only: values.region,
    dataDir: resolve(values.data),
    firstPort: parsePort(values.port),
    etcd: parseUrls('--etcd', values.etcd, ['http:', 'https:']),
    redis: parseUrls('--redis', values.redis, ['redis:', 'rediss:']),
    otlp: values.otlp === undefined ? undefined : parseUrls('--otlp', values.otlp, ['http:', 'https:'])[0],
    help: values.help,
  };
}

function parsePort(text: string): number {
  const port = Number(text);
  if (!Number.isInteger(port) || port < 1 || port > MAX_PORT) {
    throw new Error(`--port ${text}: expected a whole number from 1 to ${MAX_PORT}.`);
  }
  return port;
}

function parseUrls(option: string, text: string, protocols: readonly string[]): string[] {
  return text
    .split(',')
    .filter((part) => part !== '')
    .map((part) => {
      if (!URL.canParse(part) || !protocols.includes(new URL(part).protocol)) {
        throw new Error(`${option} ${part}: expected a URL that starts with ${protocols.join('// or ')}//.`);
      }
      return part;
    });
}
