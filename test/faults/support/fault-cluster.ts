import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connectEtcd } from '#libs/etcd/client.ts';
import { hasEtcd, startCoordinatorProcess, startEtcdMembers, type EtcdProcess } from '#test/support/etcd.ts';
import { freePorts } from '#test/support/ports.ts';
import type { Destination } from './bridge.ts';
import { openEgress } from './egress.ts';
import { Links, type LinkState } from './links.ts';
import { mountSmallDisk, type SmallDisk } from './small-disk.ts';
import { planProcess, type RegionProcess, type RegionStart } from './region-process.ts';

/** Regions as real processes, whose connections to each other and to etcd go over links that can be delayed and cut. */
export interface FaultCluster {
  readonly regions: readonly RegionProcess[];
  readonly links: Links;
  /** The members of real etcd, or the coordinator alone; each is a place for links under its `name`. */
  readonly members: readonly Member[];
  readonly region: (name: string) => RegionProcess;
  /** Cuts a region off from all other places. */
  isolate(name: string, flow: 'held' | 'broken'): void;
  rejoin(name: string): void;
  /** The member that leads now; undefined where none is known to. */
  leader(): Promise<Member | undefined>;
  /** Links as at first, and everything running. */
  heal(): Promise<void>;
  /** Ends everything and removes the data. */
  dispose(): Promise<void>;
}

export interface Member extends EtcdProcess {
  readonly name: string;
  isRunning(): boolean;
}

export interface FaultClusterOptions {
  readonly regions?: readonly string[];
  /** Real etcd with three members where it is installed; 'coordinator': the embedded one in any case. */
  readonly etcd?: 'members' | 'coordinator';
  /** What links are like without faults. */
  readonly links?: Partial<LinkState>;
  /** More settings of all regions. */
  readonly env?: Readonly<Record<string, string>>;
  /** Regions whose disk has only so many bytes; needs `canMountSmallDisks`. */
  readonly diskBytes?: Readonly<Record<string, number>>;
  /** How single regions are started at first. */
  readonly start?: Readonly<Record<string, RegionStart>>;
}

const ETCD_MEMBERS = 3;

export async function startFaultCluster(options: FaultClusterOptions = {}): Promise<FaultCluster> {
  const names = options.regions ?? ['us', 'eu', 'ap'];
  const dataDir = await mkdtemp(join(tmpdir(), 'meridian-faults-'));
  const links = new Links(options.links);
  const members = await startMembers(options.etcd ?? 'members');
  const ports = await freePorts(3 * names.length);
  const planned = names.map((name, i) => ({
    name,
    registry: `127.0.0.1:${ports[3 * i] ?? 0}`,
    // What the catalog says, and where nobody listens: there is no way around the links.
    endpoint: `127.0.0.1:${ports[3 * i + 1] ?? 0}`,
    peerPort: ports[3 * i + 2] ?? 0,
  }));
  const destinations = new Map<string, Destination>([
    ...planned.map(({ name, endpoint, peerPort }) => [endpoint, { place: name, port: peerPort }] as const),
    ...members.map(({ name, port }) => [`127.0.0.1:${port}`, { place: name, port }] as const),
  ]);
  const egresses = await Promise.all(
    names.map((name) => openEgress(name, links, (address) => destinations.get(address))),
  );
  const regions = await Promise.all(
    planned.map(({ name, registry, peerPort }, i) =>
      planProcess({
        name,
        registry,
        dataDir: join(dataDir, name),
        env: {
          MERIDIAN_REGION: name,
          MERIDIAN_LISTEN: registry,
          MERIDIAN_PEER_LISTEN: `127.0.0.1:${peerPort}`,
          MERIDIAN_DATA_DIR: join(dataDir, name),
          MERIDIAN_ETCD: startingWith(members, i)
            .map(({ endpoint }) => endpoint)
            .join(','),
          MERIDIAN_REGIONS: planned.map((region) => `${region.name}=${region.endpoint}`).join(','),
          grpc_proxy: egresses[i]?.url ?? '',
          ...options.env,
        },
      }),
    ),
  );
  const disks = await mountSmallDisks(dataDir, options.diskBytes ?? {});
  const region = (name: string): RegionProcess => {
    const found = regions.find((one) => one.name === name);
    if (found === undefined) throw new Error(`There is no region ${name}.`);
    return found;
  };
  const setFlow = (name: string, flow: LinkState['flow']): void => {
    const places = [...names, ...members.map((member) => member.name)];
    for (const other of places) if (other !== name) links.set(name, other, { flow });
  };
  const cluster: FaultCluster = {
    regions,
    links,
    members,
    region,
    isolate: (name, flow) => setFlow(name, flow),
    rejoin: (name) => setFlow(name, 'open'),
    leader: () => leaderOf(members),
    heal: async () => {
      links.heal();
      await Promise.all(members.filter((member) => !member.isRunning()).map((member) => member.restart()));
      for (const one of regions) one.resume();
      await Promise.all(regions.filter((one) => !one.isRunning()).map((one) => one.start()));
    },
    dispose: async () => {
      await Promise.all(regions.map((one) => one.kill()));
      await Promise.all([
        ...egresses.map((egress) => egress.close()),
        ...members.map((one) => one.dispose()),
      ]);
      for (const disk of disks) await disk.unmount();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
  try {
    await Promise.all(regions.map((one) => one.start(options.start?.[one.name])));
    return cluster;
  } catch (error) {
    await cluster.dispose();
    throw error;
  }
}

async function mountSmallDisks(
  dataDir: string,
  bytes: Readonly<Record<string, number>>,
): Promise<SmallDisk[]> {
  return Promise.all(Object.entries(bytes).map(([name, size]) => mountSmallDisk(join(dataDir, name), size)));
}

async function startMembers(wanted: 'members' | 'coordinator'): Promise<Member[]> {
  if (wanted === 'coordinator' || !hasEtcd) return [watched('coordinator', await startCoordinatorProcess())];
  return (await startEtcdMembers(ETCD_MEMBERS)).map((member, i) => watched(`etcd${i + 1}`, member));
}

function watched(name: string, process: EtcdProcess): Member {
  let running = true;
  return {
    ...process,
    name,
    isRunning: () => running,
    kill: async () => {
      running = false;
      await process.kill();
    },
    restart: async () => {
      await process.restart();
      running = true;
    },
  };
}

async function leaderOf(members: readonly Member[]): Promise<Member | undefined> {
  for (const member of members.filter((one) => one.isRunning())) {
    const client = connectEtcd({ endpoints: [member.endpoint], callTimeoutMs: 2_000 });
    const status = await client.status(AbortSignal.timeout(2_000)).catch(() => undefined);
    client.close();
    if (status !== undefined && status.leader === status.memberId) return member;
  }
  return undefined;
}

/** Each region asks another member first. */
function startingWith<T>(items: readonly T[], index: number): T[] {
  const first = index % items.length;
  return [...items.slice(first), ...items.slice(0, first)];
}
