import { join } from 'node:path';
import { freePorts } from './ports.ts';
import { startService, type ServiceProcess } from './service-process.ts';

/** One region in one process, on a coordinator of its own. */
export interface LoneRegion {
  /** `host:port` where clients reach it. */
  readonly registry: string;
  readonly process: ServiceProcess;
  stop(): Promise<void>;
}

export async function startLoneRegion(
  scratch: string,
  env: Readonly<Record<string, string>>,
): Promise<LoneRegion> {
  const [port = 0, peerPort = 0, etcdPort = 0] = await freePorts(3);
  const coordinator = await startService('coordinator/main.ts', {
    MERIDIAN_LISTEN: `127.0.0.1:${etcdPort}`,
    MERIDIAN_DATA_DIR: join(scratch, 'coordinator'),
  });
  const region = await startService('region.ts', {
    MERIDIAN_REGION: 'us',
    MERIDIAN_LISTEN: `127.0.0.1:${port}`,
    MERIDIAN_PEER_LISTEN: `127.0.0.1:${peerPort}`,
    MERIDIAN_DATA_DIR: join(scratch, 'us'),
    MERIDIAN_REGIONS: `us=127.0.0.1:${peerPort}`,
    MERIDIAN_ETCD: `http://127.0.0.1:${etcdPort}`,
    ...env,
  });
  return {
    registry: `localhost:${port}`,
    process: region,
    stop: async () => {
      await region.stop();
      await coordinator.stop();
    },
  };
}
