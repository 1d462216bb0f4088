import { join } from 'node:path';
import type { TlsFiles } from '#libs/tls/identity.ts';
import { freePorts } from './ports.ts';
import { startService, type ServiceProcess } from './service-process.ts';

export const SERVICES = ['storage', 'replication', 'frontend'] as const;
export type ServiceName = (typeof SERVICES)[number];

/** A region whose services are processes of their own, as in production. */
export interface SeparateRegion {
  /** `host:port` where clients reach it, and where each service answers gRPC. */
  readonly registry: string;
  readonly addresses: Readonly<Record<'storage' | 'replication' | 'peer', string>>;
  process(service: ServiceName): ServiceProcess;
  /** The status of `/readyz`. */
  readiness(service: ServiceName): Promise<number>;
  /** All metrics of a service, as Prometheus gets them. */
  metrics(service: ServiceName): Promise<string>;
  /** The value of a metric of a service; labels are not told apart. */
  metric(service: ServiceName, name: string): Promise<number>;
  start(service: ServiceName): Promise<void>;
  /** Stops the front end first and the storage last; gives their exit codes, in the order of `SERVICES`. */
  stop(): Promise<(number | null)[]>;
}

export interface SeparateRegionOptions {
  readonly region: string;
  readonly dataDir: string;
  /** Where the other regions reach it: a port of 127.0.0.1. */
  readonly peerPort: number;
  /** All regions as MERIDIAN_REGIONS names them. */
  readonly regions: string;
  readonly etcd: string;
  /** For the links within the region, to other regions, and to etcd. */
  readonly tls: TlsFiles | undefined;
  /** For etcd, where it is something else. */
  readonly etcdTls?: TlsFiles;
  /** Whether front ends may turn to the other regions. */
  readonly elsewhere?: boolean;
  /** More variables of one service. */
  readonly env?: Partial<Record<ServiceName, Env>>;
}

export async function startSeparateRegion(options: SeparateRegionOptions): Promise<SeparateRegion> {
  const plan = await planRegion(options);
  const running = new Map<ServiceName, ServiceProcess>();
  const start = async (service: ServiceName): Promise<void> => {
    running.set(service, await startService(`${service}/main.ts`, plan.env[service]));
  };
  for (const service of SERVICES) await start(service);
  const admin = (service: ServiceName, path: string): Promise<Response> =>
    fetch(`http://${plan.admin[service]}${path}`);
  return {
    registry: plan.registry,
    addresses: plan.addresses,
    process: (service) => {
      const process = running.get(service);
      if (process === undefined) throw new Error(`${service} has not started.`);
      return process;
    },
    readiness: async (service) => (await admin(service, '/readyz')).status,
    metrics: async (service) => (await admin(service, '/metrics')).text(),
    metric: async (service, name) => {
      const text = await (await admin(service, '/metrics')).text();
      return Number(new RegExp(`^${name}(?:\\{.*\\})? (\\S+)`, 'm').exec(text)?.[1]);
    },
    start,
    stop: async () => {
      const codes: (number | null)[] = [];
      for (const service of SERVICES.toReversed())
        codes.unshift((await running.get(service)?.stop()) ?? null);
      return codes;
    },
  };
}

/** `<prefix>_CA` and so on; nothing without files. */
export function tlsEnv(prefix: string, tls: TlsFiles | undefined): Record<string, string> {
  if (tls === undefined) return {};
  return { [`${prefix}_CA`]: tls.ca, [`${prefix}_CERT`]: tls.cert, [`${prefix}_KEY`]: tls.key };
}

type Env = Readonly<Record<string, string>>;

interface Plan {
  readonly registry: string;
  readonly addresses: SeparateRegion['addresses'];
  readonly admin: Readonly<Record<ServiceName, string>>;
  readonly env: Readonly<Record<ServiceName, Env>>;
}

async function planRegion({
  region,
  dataDir,
  peerPort,
  regions,
  etcd,
  tls,
  etcdTls = tls,
  elsewhere = false,
  env,
}: SeparateRegionOptions): Promise<Plan> {
  const ports = (await freePorts(6)).map((port) => `127.0.0.1:${port}`);
  const [registry, storage, replication, ...admins] = ports as [
    string,
    string,
    string,
    string,
    string,
    string,
  ];
  const admin = { storage: admins[0], replication: admins[1], frontend: admins[2] };
  const peer = `127.0.0.1:${peerPort}`;
  const shared = (service: ServiceName): Env => ({
    MERIDIAN_REGION: region,
    MERIDIAN_ADMIN_LISTEN: admin[service],
    ...tlsEnv('MERIDIAN_RPC_TLS', tls),
    ...env?.[service],
  });
  return {
    registry,
    addresses: { storage, replication, peer },
    admin,
    env: {
      storage: {
        ...shared('storage'),
        MERIDIAN_LISTEN: storage,
        MERIDIAN_DATA_DIR: join(dataDir, 'storage'),
      },
      replication: {
        ...shared('replication'),
        MERIDIAN_LISTEN: replication,
        MERIDIAN_PEER_LISTEN: peer,
        MERIDIAN_STORAGE: storage,
        MERIDIAN_DATA_DIR: join(dataDir, 'replication'),
        MERIDIAN_REGIONS: regions,
        MERIDIAN_ETCD: etcd,
        ...tlsEnv('MERIDIAN_PEER_TLS', tls),
        ...tlsEnv('MERIDIAN_ETCD_TLS', etcdTls),
      },
      frontend: {
        ...shared('frontend'),
        MERIDIAN_LISTEN: registry,
        MERIDIAN_STORAGE: storage,
        MERIDIAN_REPLICATION: replication,
        ...(elsewhere && { MERIDIAN_REGIONS: regions, ...tlsEnv('MERIDIAN_PEER_TLS', tls) }),
      },
    },
  };
}
