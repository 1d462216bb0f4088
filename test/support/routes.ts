import { inject } from 'vitest';
import { REGIONS, type RegionName } from './cluster.ts';

/** Where a test writes to the shared cluster and where it reads what was written: `host:port` each. */
export interface Route {
  /** For tests' names: `in us`, or `written in us, read in eu`. */
  readonly name: string;
  readonly write: string;
  readonly read: string;
  /** A repository that no other route uses; `of` is unique among the files of tests. */
  repository(of: string): string;
}

const registries = inject('registries');

/** What was written in each region read in the next. */
export const acrossRegions: readonly Route[] = REGIONS.map((region, i) =>
  route(region, REGIONS[(i + 1) % REGIONS.length] ?? region),
);

/** Each region by itself, and across regions. */
export const routes: readonly Route[] = [...REGIONS.map((region) => route(region, region)), ...acrossRegions];

/** Asks for an answer that no earlier write is missing from, in whichever region it was acknowledged. */
export const STRONG = { 'meridian-consistency': 'strong' } as const;

export function registry(region: RegionName): string {
  return registries[region];
}

function route(write: RegionName, read: RegionName): Route {
  const [name, path] =
    write === read ? [`in ${write}`, write] : [`written in ${write}, read in ${read}`, `${write}-${read}`];
  return {
    name,
    write: registries[write],
    read: registries[read],
    repository: (of) => `${of}/${path}`,
  };
}
