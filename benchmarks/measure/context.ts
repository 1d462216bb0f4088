import type { Progress } from '../cli/progress.ts';
import type { Capacity } from '../load/capacity.ts';
import type { Generator } from '../load/start-generator.ts';
import type { Server, StartServer } from '../servers/server.ts';
import type { CachingPeer } from '../wan/regions.ts';

/** What every scenario is given. */
export interface Context {
  readonly seed: number;
  /** Fewer of everything, to see that it works and about where it stands. */
  readonly quick: boolean;
  /** Sizes of large content are multiplied by it. */
  readonly scale: number;
  readonly rounds: number;
  /** How long each round of requests takes. */
  readonly roundMs: number;
  /** How long the round takes that is not counted. */
  readonly warmUpMs: number;
  /** A directory for everything that a scenario writes; it is removed after the run. */
  readonly scratch: string;
  readonly generator: Generator;
  readonly capacity: Capacity;
  readonly progress: Progress;
  readonly logsRequests: boolean;
  /** Meridian and its peers, in the order of the reports. */
  readonly starters: readonly StartServer[];
  /** The same beside which Meridian is measured across regions: registries that cache what is elsewhere. */
  readonly cachingPeers: readonly CachingPeer[];
  readonly signal: AbortSignal;
  /** Told of each server that is measured. */
  onServer(server: Pick<Server, 'name' | 'version' | 'durability'>): void;
}

/** What warms servers up by its amount ends after this time. */
export function warmUpLimitMs({ quick }: Context): number {
  return quick ? 3_000 : 20_000;
}

/** For work that has an amount instead of a duration; round 0 is the one that warms up. */
export function limitOf(context: Context, round: number): { withinMs?: number } {
  return round === 0 ? { withinMs: warmUpLimitMs(context) } : {};
}

/** Of a round of requests; round 0 is the one that warms up. */
export function durationOf({ roundMs, warmUpMs }: Context, round: number): number {
  return round === 0 ? warmUpMs : roundMs;
}
