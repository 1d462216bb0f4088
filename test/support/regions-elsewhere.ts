import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TlsFiles } from '#libs/rpc/tls.ts';
import { hasOpenssl, makeCertificates } from './certificates.ts';
import { freePorts } from './ports.ts';
import { startSeparateRegion, tlsEnv, type SeparateRegion } from './separate-region.ts';
import { startService, type ServiceProcess } from './service-process.ts';

/** Three regions: the services of `us` are processes of their own, and its front end knows of the others. */
export interface RegionsElsewhere {
  readonly scratch: string;
  readonly us: SeparateRegion;
  /** `host:port` where clients reach each. */
  readonly registries: Readonly<Record<'us' | 'eu' | 'ap', string>>;
  /** Starts another front end of us, with these variables besides. */
  startFrontend(listen: string, env: Readonly<Record<string, string>>): Promise<ServiceProcess>;
  readonly coordinator: { kill(): Promise<void>; start(): Promise<void> };
  stop(): Promise<void>;
}

/** With mutual TLS where OpenSSL is there to make certificates. */
export async function startRegionsElsewhere(): Promise<RegionsElsewhere> {
  const scratch = await mkdtemp(join(tmpdir(), 'meridian-elsewhere-'));
  const names = ['us', 'eu', 'ap'] as const;
  const tls = hasOpenssl ? makeCertificates(join(scratch, 'certificates'), [...names]) : undefined;
  const [etcdPort = 0, ...ports] = await freePorts(6);
  const [usPeer = 0, euPeer = 0, apPeer = 0, euPort = 0, apPort = 0] = ports;
  const etcd = `${hasOpenssl ? 'https' : 'http'}://localhost:${etcdPort}`;
  const regions = `us=localhost:${usPeer},eu=localhost:${euPeer},ap=localhost:${apPeer}`;
  const startCoordinator = (): Promise<ServiceProcess> =>
    startService('coordinator/main.ts', {
      MERIDIAN_LISTEN: `127.0.0.1:${etcdPort}`,
      MERIDIAN_DATA_DIR: join(scratch, 'coordinator'),
      ...tlsEnv('MERIDIAN_RPC_TLS', tls?.us),
    });
  let coordinator = await startCoordinator();
  const whole = (region: 'eu' | 'ap', port: number, peerPort: number): Promise<ServiceProcess> =>
    startService('region.ts', {
      MERIDIAN_REGION: region,
      MERIDIAN_LISTEN: `127.0.0.1:${port}`,
      MERIDIAN_PEER_LISTEN: `127.0.0.1:${peerPort}`,
      MERIDIAN_DATA_DIR: join(scratch, region),
      MERIDIAN_REGIONS: regions,
      MERIDIAN_ETCD: etcd,
      ...tlsEnv('MERIDIAN_PEER_TLS', tls?.[region]),
      ...tlsEnv('MERIDIAN_ETCD_TLS', tls?.[region]),
    });
  const [us, eu, ap] = await Promise.all([
    startSeparateRegion({
      ...{ region: 'us', dataDir: join(scratch, 'us'), peerPort: usPeer, regions, etcd },
      ...{ tls: tls?.us, elsewhere: true },
    }),
    whole('eu', euPort, euPeer),
    whole('ap', apPort, apPeer),
  ]);
  return {
    scratch,
    us,
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
    coordinator: {
      kill: () => coordinator.kill(),
      start: async () => {
        coordinator = await startCoordinator();
      },
    },
    stop: async () => {
      await us.stop();
      await Promise.all([eu.stop(), ap.stop()]);
      await coordinator.stop();
      await rm(scratch, { recursive: true, force: true });
    },
  };
}

function frontendTls(tls: TlsFiles | undefined): Record<string, string> {
  return { ...tlsEnv('MERIDIAN_RPC_TLS', tls), ...tlsEnv('MERIDIAN_PEER_TLS', tls) };
}
