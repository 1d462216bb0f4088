import { startFaultCluster, type FaultCluster } from '#test/faults/support/fault-cluster.ts';
import type { Server } from '../servers/server.ts';
import { linkState, type LinkProfile } from './profile.ts';
import type { Regions } from './regions.ts';

/** Three regions of Meridian, and the cluster for what is done to it. */
export interface MeridianRegions extends Regions {
  readonly cluster: FaultCluster;
}

const NAMES = ['us', 'eu', 'ap'];

/** Each a process of its own. The coordinator is a place of its own, as far from each region as they are from each other. */
export async function startMeridianRegions(
  profile: LinkProfile,
  env: Readonly<Record<string, string>> = {},
): Promise<MeridianRegions> {
  const cluster = await startFaultCluster({
    ...{ regions: NAMES, etcd: 'coordinator', env },
    links: linkState(profile),
  });
  const [origin, ...others] = NAMES.map((name) => serverOf(cluster, name));
  if (origin === undefined) throw new Error('There is no region.');
  return {
    ...{ name: 'meridian', cluster, origin, others },
    wanBytes: (other) =>
      other === undefined
        ? cluster.links.bytes
        : NAMES.reduce((sum, from) => sum + cluster.links.link(from, NAMES[other + 1] ?? '').bytes, 0),
    stop: () => cluster.dispose(),
  };
}

function serverOf(cluster: FaultCluster, name: string): Server {
  const region = cluster.region(name);
  return {
    name: 'meridian',
    version: `Meridian, Node ${process.version}`,
    durability: 'files, their directories and the catalog are flushed before a push is answered',
    registry: region.registry,
    pids: () => [region.pid()],
    restart: async () => {
      await region.kill();
      await region.start();
    },
    stop: () => region.kill(),
  };
}
