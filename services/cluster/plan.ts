import { join } from 'node:path';
import type { ClusterArguments } from './arguments.ts';

export const REGIONS = ['us', 'eu', 'ap'] as const;

const HOST = '127.0.0.1';
const COORDINATOR_OFFSET = 99;
const PEER_OFFSET = 100;
const ADMIN_OFFSET = 110;

/** One process of the cluster: what runs, with which environment, listening where. */
export interface PlannedProcess {
  readonly name: string;
  /** Path below services/. */
  readonly entry: string;
  readonly env: Readonly<Record<string, string>>;
  /** Whether the launcher's own MERIDIAN_* variables are meant for it: limits of the regions' services. */
  readonly takesSettings: boolean;
  readonly ports: readonly number[];
  readonly dataDir: string;
}

export interface PlannedRegion extends PlannedProcess {
  /** `host:port` of the front end, as clients name it. */
  readonly registry: string;
  readonly admin: string;
}

export interface ClusterPlan {
  /** Absent where real etcd is used, or where only one region is started beside a running cluster. */
  readonly coordinator: PlannedProcess | undefined;
  readonly regions: readonly PlannedRegion[];
}

/** Which processes `npm start` runs, and where each listens and keeps its data. */
export function planCluster(options: ClusterArguments): ClusterPlan {
  const embedded = options.etcd.length === 0;
  const coordinatorPort = options.firstPort + COORDINATOR_OFFSET;
  const etcd = embedded ? [`http://${HOST}:${coordinatorPort}`] : options.etcd;
  const regions = placesOf(options).map(({ name, place }) => planRegion(name, place - 1, options, etcd));
  const coordinator: PlannedProcess = {
    name: 'coordinator',
    entry: 'coordinator/main.ts',
    env: {
      MERIDIAN_LISTEN: `${HOST}:${coordinatorPort}`,
      MERIDIAN_DATA_DIR: join(options.dataDir, 'coordinator'),
    },
    takesSettings: false,
    ports: [coordinatorPort],
    dataDir: join(options.dataDir, 'coordinator'),
  };
  return {
    coordinator: embedded && options.only === undefined ? coordinator : undefined,
    regions,
  };
}

/** The three, or the one that is started beside the others. */
function placesOf({ only, place }: ClusterArguments): { name: string; place: number }[] {
  return only === undefined ? REGIONS.map((name, i) => ({ name, place: i + 1 })) : [{ name: only, place }];
}

function planRegion(
  region: string,
  i: number,
  options: ClusterArguments,
  etcd: readonly string[],
): PlannedRegion {
  const port = (offset: number): number => options.firstPort + offset + i;
  // An added region knows the three that were there at first, and itself in its place; those between are the catalog's to tell.
  const known: string[] = [...REGIONS];
  if (!known.includes(region)) known[i] = region;
  const peers = known.flatMap((name, j) => `${name}=${HOST}:${options.firstPort + PEER_OFFSET + j}`);
  const redis = options.redis[Math.min(i, options.redis.length - 1)];
  const dataDir = join(options.dataDir, region);
  return {
    name: region,
    entry: 'region.ts',
    takesSettings: true,
    registry: `localhost:${port(0)}`,
    admin: `http://localhost:${port(ADMIN_OFFSET)}`,
    ports: [port(0), port(PEER_OFFSET), port(ADMIN_OFFSET)],
    dataDir,
    env: {
      MERIDIAN_REGION: region,
      MERIDIAN_LISTEN: `${HOST}:${port(0)}`,
      MERIDIAN_AUTH: options.auth ? 'on' : 'off',
      MERIDIAN_PEER_LISTEN: `${HOST}:${port(PEER_OFFSET)}`,
      MERIDIAN_ADMIN_LISTEN: `${HOST}:${port(ADMIN_OFFSET)}`,
      MERIDIAN_DATA_DIR: dataDir,
      MERIDIAN_ETCD: preferring(etcd, i).join(','),
      MERIDIAN_REGIONS: peers.join(','),
      ...(redis === undefined ? {} : { MERIDIAN_REDIS_URL: redis }),
      ...(options.otlp === undefined ? {} : { OTEL_EXPORTER_OTLP_ENDPOINT: options.otlp }),
    },
  };
}

/** The region's own member first, then the others in turn. */
function preferring(members: readonly string[], i: number): string[] {
  const first = i % members.length;
  return [...members.slice(first), ...members.slice(0, first)];
}
