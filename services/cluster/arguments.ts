import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { regionName } from '#libs/config/values.ts';

/** What `npm start -- …` may be told. */
export interface ClusterArguments {
  /** The region to start; all of the three unless one is named. */
  readonly only: string | undefined;
  /** Which one in the row it is, from 1: that says which ports it has. */
  readonly place: number;
  readonly dataDir: string;
  readonly firstPort: number;
  /** etcd's members; empty: the embedded coordinator. The n-th region prefers the n-th. */
  readonly etcd: readonly string[];
  /** Redis servers; empty: none. The n-th region uses the n-th, or the last there is. */
  readonly redis: readonly string[];
  readonly otlp: string | undefined;
  /** Whether whoever wants something must log in. */
  readonly auth: boolean;
  readonly help: boolean;
}

export const usage = `Usage: npm start -- [options]

Starts three regions of Meridian on this machine: us, eu and ap.

  --data DIR       where everything is kept (default: ./data)
  --port N         the front ends listen at N, N+1 and N+2 (default: 5001); N+99 … N+119 are used between processes and for metrics
  --etcd URL,…     real etcd instead of the embedded coordinator; one URL, or one for each region's own member
  --redis URL,…    Redis instead of process memory; one URL, or one for each region
  --otlp URL       send traces to an OpenTelemetry collector, for example http://127.0.0.1:4318
  --auth           whoever wants something must log in; the first start makes an administrator and shows the password
  --region NAME    start only this region, beside the others that are running: one of the three again, or one that was added to the cluster
  --place N        of a region that was added, from 4 to 10 (default: 4): its front end listens at N-1 after the first
  --help           this text
`;

const MAX_PORT = 65_535 - 119;
const MAX_PLACE = 10;

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
      auth: { type: 'boolean', default: false },
      region: { type: 'string' },
      place: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.region !== undefined && !regionName.safeParse(values.region).success) {
    throw new Error(
      `--region ${values.region}: expected one of ${regions.join(', ')}, or the name of a region that was added: ${regionName.description ?? ''}.`,
    );
  }
  return {
    only: values.region,
    place: parsePlace(values.place, values.region, regions),
    dataDir: resolve(values.data),
    firstPort: parsePort(values.port),
    etcd: parseUrls('--etcd', values.etcd, ['http:', 'https:']),
    redis: parseUrls('--redis', values.redis, ['redis:', 'rediss:']),
    otlp: values.otlp === undefined ? undefined : parseUrls('--otlp', values.otlp, ['http:', 'https:'])[0],
    auth: values.auth,
    help: values.help,
  };
}

function parsePlace(
  text: string | undefined,
  region: string | undefined,
  regions: readonly string[],
): number {
  const own = region === undefined ? 0 : regions.indexOf(region);
  if (text === undefined) return own === -1 ? regions.length + 1 : own + 1;
  const place = Number(text);
  if (own === -1 && Number.isInteger(place) && place > regions.length && place <= MAX_PLACE) return place;
  throw new Error(
    `--place ${text}: expected a number from ${regions.length + 1} to ${MAX_PLACE}, with the --region of a region that was added.`,
  );
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
