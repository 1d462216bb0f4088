import type { RepositoryName } from '#libs/oci/name.ts';

export type HealingWork = 'verify' | 'repair';

/** What to look at. */
export interface HealingScope {
  readonly work: HealingWork;
  /** Undefined: all that the region holds and should hold. */
  readonly repository: RepositoryName | undefined;
}

/** What a verification or repair found and did, or does. Times are milliseconds since 1970; 0 stands for not yet. */
export interface HealingReport {
  readonly work: HealingWork;
  readonly repository: string;
  startedAt: number;
  finishedAt: number;
  /** Why not all could be done, a sentence. */
  failure: string;
  total: number;
  checked: number;
  bytes: number;
  damaged: number;
  missing: number;
  repaired: number;
  lost: number;
  damagedDigests: string[];
  missingDigests: string[];
  lostDigests: string[];
}

/** Digests named of each sort. */
const MAX_TOLD = 100;

export function newHealingReport({ work, repository = '' as RepositoryName }: HealingScope): HealingReport {
  return {
    ...{ work, repository, startedAt: 0, finishedAt: 0, failure: '' },
    ...{ total: 0, checked: 0, bytes: 0, damaged: 0, missing: 0, repaired: 0, lost: 0 },
    ...{ damagedDigests: [], missingDigests: [], lostDigests: [] },
  };
}

/** Counts one more, and names it if it is among the first. */
export function note(report: HealingReport, sort: 'damaged' | 'missing' | 'lost', digest: string): void {
  report[sort] += 1;
  const digests = report[`${sort}Digests`];
  if (digests.length < MAX_TOLD) digests.push(digest);
}
