import { setTimeout as pause } from 'node:timers/promises';
import { seededRandom } from '#test/support/seeded-random.ts';
import type { FaultCluster } from './fault-cluster.ts';

/** Something that breaks, and when it is whole again. */
export type Fault = { readonly atMs: number; readonly forMs: number } & Damage;

type Damage =
  | { readonly kind: 'kill' | 'pause'; readonly region: string }
  | { readonly kind: 'isolate'; readonly region: string; readonly flow: 'held' | 'broken' }
  | { readonly kind: 'cut' | 'reset'; readonly from: string; readonly to: string }
  | { readonly kind: 'slow'; readonly from: string; readonly to: string; readonly delayMs: number }
  | { readonly kind: 'cut one way'; readonly from: string; readonly to: string }
  | { readonly kind: 'kill the leader' };

export interface ScheduleOptions {
  readonly seed: number;
  readonly forMs: number;
  readonly regions: readonly string[];
  readonly members: readonly string[];
}

/** Pause between two faults; they overlap where one takes longer. */
const GAP_MS = { min: 300, max: 1_800 };
const DURATION_MS = { min: 300, max: 4_000 };

/** The faults of a run: the same for the same seed. */
export function planFaults({ seed, forMs, regions, members }: ScheduleOptions): Fault[] {
  const random = seededRandom(seed);
  const between = ({ min, max }: { min: number; max: number }): number =>
    Math.round(min + random() * (max - min));
  const choose = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)] as T;
  const kinds = ['kill', 'pause', 'isolate', 'cut', 'cut one way', 'reset', 'slow'] as const;
  const faults: Fault[] = [];
  for (let atMs = between(GAP_MS); atMs < forMs; atMs += between(GAP_MS)) {
    const kind = choose(members.length > 1 ? [...kinds, 'kill the leader' as const] : kinds);
    const region = choose(regions);
    const to = choose([...regions, ...members].filter((place) => place !== region));
    const time = { atMs, forMs: Math.min(between(DURATION_MS), Math.max(GAP_MS.min, forMs - atMs)) };
    if (kind === 'kill the leader') faults.push({ ...time, kind });
    else if (kind === 'kill' || kind === 'pause') faults.push({ ...time, kind, region });
    else if (kind === 'isolate')
      faults.push({ ...time, kind, region, flow: choose(['held', 'broken'] as const) });
    else if (kind === 'slow')
      faults.push({ ...time, kind, from: region, to, delayMs: 20 + between(GAP_MS) / 4 });
    else faults.push({ ...time, kind, from: region, to });
  }
  return faults;
}

/** Does all of it to the cluster, heals it, and gives back what was done. `signal` ends it early, healed. */
export async function inflict(
  cluster: FaultCluster,
  faults: readonly Fault[],
  signal: AbortSignal,
): Promise<Fault[]> {
  const startedAt = performance.now();
  const until = (ms: number): Promise<unknown> =>
    pause(Math.max(0, startedAt + ms - performance.now()), undefined, { signal }).catch(() => undefined);
  const done: Fault[] = [];
  await Promise.all(
    faults.map(async (fault) => {
      await until(fault.atMs);
      if (signal.aborted) return;
      const undo = await damage(cluster, fault);
      if (undo === undefined) return;
      done.push(fault);
      await until(fault.atMs + fault.forMs);
      await undo();
    }),
  );
  await cluster.heal();
  return done;
}

export function formatFaults(faults: readonly Fault[]): string {
  return faults.map((fault) => JSON.stringify(fault)).join('\n');
}

/** Gives what ends it; undefined where nothing was done, since it was broken already. */
async function damage(cluster: FaultCluster, fault: Fault): Promise<(() => Promise<void>) | undefined> {
  const { links } = cluster;
  switch (fault.kind) {
    case 'kill': {
      const region = cluster.region(fault.region);
      if (!region.isRunning()) return undefined;
      await region.kill();
      // Another fault may end it while it starts; healing starts what does not run.
      return () => region.start().catch(() => undefined);
    }
    case 'pause': {
      const region = cluster.region(fault.region);
      if (!region.isRunning()) return undefined;
      region.pause();
      return async () => region.resume();
    }
    case 'kill the leader': {
      const leader = await cluster.leader();
      if (leader === undefined || cluster.members.some((member) => !member.isRunning())) return undefined;
      await leader.kill();
      return () => leader.restart();
    }
    case 'isolate':
      cluster.isolate(fault.region, fault.flow);
      return async () => cluster.rejoin(fault.region);
    case 'cut':
      links.set(fault.from, fault.to, { flow: 'held' });
      return async () => links.set(fault.from, fault.to, { flow: 'open' });
    case 'reset':
      links.set(fault.from, fault.to, { flow: 'broken' });
      links.set(fault.from, fault.to, { flow: 'open' });
      return async () => undefined;
    case 'cut one way':
      links.link(fault.from, fault.to).set({ flow: 'held' });
      return async () => links.link(fault.from, fault.to).set({ flow: 'open' });
    case 'slow': {
      const { delayMs } = links.link(fault.from, fault.to).state;
      links.set(fault.from, fault.to, { delayMs: fault.delayMs });
      return async () => links.set(fault.from, fault.to, { delayMs });
    }
  }
}
