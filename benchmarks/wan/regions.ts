import type { Server, StartServer } from '../servers/server.ts';
import type { Context } from '../measure/context.ts';
import type { LinkProfile } from './profile.ts';

/** Registries in three regions of which the first takes pushes, with emulated links between them. */
export interface Regions {
  readonly name: string;
  /** Where is pushed. */
  readonly origin: Server;
  /** Where is pulled. */
  readonly others: readonly Server[];
  /** Bytes that have arrived so far over all links or, where a place among the others is given, to there. */
  wanBytes(other?: number): number;
  stop(): Promise<void>;
}

export type StartRegions = (context: Context, profile: LinkProfile) => Promise<Regions>;

/** A registry for the origin, and what is started in another region when the origin is reached at `upstream`. */
export interface CachingPeer {
  readonly name: string;
  readonly origin: StartServer;
  readonly cache: (upstream: string) => StartServer;
}
