import { failpoint } from '#libs/failpoint.ts';
import { RegistryError } from '#libs/oci/errors.ts';
import type { Fetcher } from './fetch.ts';
import type { WantedBlob } from './missing.ts';
import { refusingRegions } from './no-source.ts';

/** Fetches in the queue at the same time, for each that may run: so that a free turn never waits for the next request. */
const QUEUED_PER_COPY = 2;
/** When so much fails, something larger is wrong: better to look again later. */
const MAX_FAILURES = 32;

export interface FillOptions {
  readonly fetcher: Fetcher;
  readonly maxBackgroundCopies: number;
  readonly isLive: (region: string) => boolean;
  /** The region that is asked first; undefined: the nearest. */
  readonly pushedLatelyTo?: (repository: string, digest: string) => string | undefined;
  readonly onHeld: (blob: WantedBlob) => void;
  /** No live region has it. */
  readonly onLost: (blob: WantedBlob) => void;
  readonly onFault: (error: unknown) => void;
}

/** Fetches blobs in their order, several at a time. True: each is held now, or lost. False: some could not be had this time. */
export async function fillIn(
  work: readonly WantedBlob[],
  options: FillOptions,
  signal: AbortSignal,
): Promise<boolean> {
  const queue = work.values();
  let failures = 0;
  const fetchNext = async (): Promise<void> => {
    for (const blob of queue) {
      try {
        const { repository, digest, size, kind } = blob;
        const from = options.pushedLatelyTo?.(repository, digest);
        const known = from === undefined ? {} : { from };
        // Not pinned: manifests protect it, and it must not outlive them in a repository.
        await options.fetcher.fetch({ repository: '', digest, size, priority: kind, ...known }).held(signal);
        failpoint('replicate.held');
        options.onHeld(blob);
      } catch (error) {
        signal.throwIfAborted();
        if (isLost(error, options.isLive)) options.onLost(blob);
        else failures += 1;
        if (!(error instanceof RegistryError)) options.onFault(error);
      }
      if (failures > MAX_FAILURES) return;
    }
  };
  await Promise.all(Array.from({ length: QUEUED_PER_COPY * options.maxBackgroundCopies }, fetchNext));
  return failures === 0;
}

/** All live regions said that they have none; the others can't be counted on. */
function isLost(error: unknown, isLive: (region: string) => boolean): boolean {
  return refusingRegions(error)?.every((region) => !isLive(region)) ?? false;
}
