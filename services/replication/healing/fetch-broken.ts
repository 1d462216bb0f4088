import type { Scrub } from '#libs/rpc/contracts.ts';
import type { Fetcher } from '../transfer/fetch.ts';
import { fillIn } from '../transfer/fill.ts';
import type { Survey, WantedBlob } from '../transfer/missing.ts';
import { lostPinned } from './pinned.ts';
import { note, type HealingReport, type HealingScope } from './report.ts';

export interface FetchingOptions {
  readonly scrub: Pick<Scrub, 'lostPins'>;
  readonly fetcher: Fetcher;
  /** Whether this region should hold what it has pinned for the repository. */
  readonly mayBeHere: (repository: string) => boolean;
  readonly isLive: (region: string) => boolean;
  readonly maxBackgroundCopies: number;
  readonly onFault: (error: unknown) => void;
}

const NOT_ALL =
  'Not all that is missing could be fetched this time, since regions that may have it could not give it. This region goes on trying.';

/** Fetches what was found missing. */
export async function fetchMissing(
  { work, missing }: Survey,
  report: HealingReport,
  options: FetchingOptions,
  signal: AbortSignal,
): Promise<void> {
  const onLost = ({ digest }: WantedBlob): void => note(report, 'lost', digest);
  const done = await fillIn(work, { ...options, onHeld: () => undefined, onLost }, signal);
  if (done && work.length === missing.blobs) return;
  report.failure = NOT_ALL;
}

/** The same of what no manifest names yet. What no region has counts only where it is known to have been here. */
export async function fetchPinned(
  { repository }: HealingScope,
  { work }: Survey,
  report: HealingReport,
  broken: Set<string>,
  options: FetchingOptions,
  signal: AbortSignal,
): Promise<void> {
  const isLookedAt = (name: string): boolean => (repository ?? name) === name && options.mayBeHere(name);
  const fetched = new Set(work.map(({ digest }) => digest));
  const pinned = await lostPinned(options.scrub, isLookedAt, signal);
  const lost = pinned.filter(({ digest }) => !fetched.has(digest));
  const damaged = new Set(lost.filter((blob) => blob.damaged).map(({ digest }) => digest));
  const found = ({ digest }: WantedBlob): void => {
    if (broken.has(digest)) return;
    note(report, 'missing', digest);
    broken.add(digest);
  };
  const onLost = (blob: WantedBlob): void => {
    if (!damaged.has(blob.digest)) return;
    found(blob);
    note(report, 'lost', blob.digest);
  };
  if (!(await fillIn(lost, { ...options, onHeld: found, onLost }, signal))) report.failure = NOT_ALL;
}
