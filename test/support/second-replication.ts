import { freePorts } from './ports.ts';
import type { SeparateRegion } from './separate-region.ts';
import { startService, type ServiceProcess } from './service-process.ts';

/** A second replication process of a region and a front end that uses it. */
export interface Second {
  readonly registry: string;
  readonly replication: ServiceProcess;
  readonly frontend: ServiceProcess;
  readonly admin: string;
}

export interface SecondOptions {
  readonly region: string;
  readonly dataDir: string;
  readonly regions: string;
  readonly etcd: string;
  /** More variables of the replication process. */
  readonly env?: Readonly<Record<string, string>>;
}

export async function startSecond(
  first: SeparateRegion,
  { region, dataDir, regions, etcd, env }: SecondOptions,
): Promise<Second> {
  const [rpc, peer, http, admin, frontendAdmin] = (await freePorts(5)).map((port) => `127.0.0.1:${port}`) as [
    string,
    string,
    string,
    string,
    string,
  ];
  const { storage } = first.addresses;
  const replication = await startService('replication/main.ts', {
    ...env,
    MERIDIAN_REGION: region,
    MERIDIAN_REGIONS: regions,
    MERIDIAN_LISTEN: rpc,
    MERIDIAN_PEER_LISTEN: peer,
    MERIDIAN_STORAGE: storage,
    MERIDIAN_ADMIN_LISTEN: admin,
    MERIDIAN_DATA_DIR: dataDir,
    MERIDIAN_ETCD: etcd,
  });
  const frontend = await startService('frontend/main.ts', {
    MERIDIAN_REGION: region,
    MERIDIAN_LISTEN: http,
    MERIDIAN_STORAGE: storage,
    MERIDIAN_REPLICATION: rpc,
    MERIDIAN_ADMIN_LISTEN: frontendAdmin,
  });
  return { registry: http, replication, frontend, admin };
}
