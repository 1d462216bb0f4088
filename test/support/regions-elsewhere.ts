import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TlsFiles } from '#libs/tls/identity.ts';
import { makeCertificates } from './certificates.ts';
import { freePorts } from './ports.ts';
import { startSeparateRegion, tlsEnv, type SeparateRegion } from './separate-region.ts';
import { startService, type ServiceProcess } from './service-process.ts';

/** Three regions: the services of `us` are processes of their own, and its front end knows of the others. */
export interface RegionsElsewhere {
  readonly scratch: string;
  readonly us: SeparateRegion;
  /** `host:port` where clients reach each. */
  readonly registries: Readonly<Record<'us' | 'eu' | 'ap', string>>;
  /** All services of the other two, each in one process. */
  readonly others: Readonly<Record<'eu' | 'ap', OtherProcess>>;
  /** Starts another front end of us, with these variables besides. */
  startFrontend(listen: string, env: Readonly<Record<string, string>>): Promise<ServiceProcess>;
  readonly coordinator: OtherProcess;
  stop(): Promise<void>;
}

export interface OtherProcess {
  kill(): Promise<void>;
  start(): Promise<void>;
}

/** With mutual TLS where it is asked for. */
export async function startRegionsElsewhere({
  secured,
  replication = {},
  everywhere = {},
}: {
  readonly secured: boolean;
  /** More variables of the services of all regions. */
  readonly everywhere?: Partial<Record<'storage' | 'replication', Readonly<Record<string, string>>>>;
  /** More variables of the replication of us. */
  readonly replication?: Readonly<Record<string, string>>;
}): Promise<RegionsElsewhere> {
  const scratch = await mkdtemp(join(tmpdir(), 'meridian-elsewhere-'));
  const names = ['us', 'eu', 'ap'] as const;
  const tls = secured ? makeCertificates(join(scratch, 'certificates'), [...names]) : undefined;
  const [etcdPort = 0, ...ports] = await freePorts(6);
  const [usPeer = 0, euPeer = 0, apPeer = 0, euPort = 0, apPort = 0] = ports;
  const etcd = `${secured ? 'https' : 'http'}://localhost:${etcdPort}`;
  const regions = `us=localhost:${usPeer},eu=localhost:${euPeer},ap=localhost:${apPeer}`;
  const coordinator = await restartable(() =>
    startService('coordinator/main.ts', {
      MERIDIAN_LISTEN: `127.0.0.1:${etcdPort}`,
      MERIDIAN_DATA_DIR: join(scratch, 'coordinator'),
      ...tlsEnv('MERIDIAN_RPC_TLS', tls?.us),
    }),
  );
  const whole = (region: 'eu' | 'ap', port: number, peerPort: number): Promise<Restartable> =>
    restartable(() =>
      startService('region.ts', {
        MERIDIAN_REGION: region,
        MERIDIAN_LISTEN: `127.0.0.1:${port}`,
        MERIDIAN_PEER_LISTEN: `127.0.0.1:${peerPort}`,
        MERIDIAN_DATA_DIR: join(scratch, region),
        MERIDIAN_REGIONS: regions,
        MERIDIAN_ETCD: etcd,
        ...tlsEnv('MERIDIAN_PEER_TLS', tls?.[region]),
        ...tlsEnv('MERIDIAN_ETCD_TLS', tls?.[region]),
        ...everywhere.storage,
        ...everywhere.replication,
      }),
    );
  const [us, eu, ap] = await Promise.all([
    startSeparateRegion({
      ...{ region: 'us', dataDir: join(scratch, 'us'), peerPort: usPeer, regions, etcd },
      ...{
        tls: tls?.us,
        elsewhere: true,
        env: { ...everywhere, replication: { ...everywhere.replication, ...replication } },
      },
    }),
    whole('eu', euPort, euPeer),
    whole('ap', apPort, apPeer),
  ]);
  return {
    scratch,
    us,
    others: { eu, ap },
    registries: { us: us.registry, eu: `127.0.0.1:${euPort}`, ap: `127.0.0.1:${apPort}` },
    startFrontend: (listen, env) =>
      startService('frontend/main.ts', {
        MERIDIAN_REGION: 'us',
        MERIDIAN_LISTEN: listen,
        MERIDIAN_STORAGE: us.addresses.storage,
        MERIDIAN_REPLICATION: us.addresses.replication,
        MERIDIAN_REGIONS: regions,
        ...frontendTls(tls?.us),
        ...env,
      }),
    coordinator,
    stop: async () => {
      await us.stop();
      await Promise.all([eu.stop(), ap.stop()]);
      await coordinator.stop();
      await rm(scratch, { recursive: true, force: true });
    },
  };
}

interface Restartable extends OtherProcess {
  stop(): Promise<void>;
}

async function restartable(launch: () => Promise<ServiceProcess>): Promise<Restartable> {
  let running = await launch();
  return {
    kill: () => running.kill(),
    start: async () => {
      running = await launch();
    },
    stop: async () => {
      await running.stop();
    },
  };
}

function frontendTls(tls: TlsFiles | undefined): Record<string, string> {
  return { ...tlsEnv('MERIDIAN_RPC_TLS', tls), ...tlsEnv('MERIDIAN_PEER_TLS', tls) };
}
