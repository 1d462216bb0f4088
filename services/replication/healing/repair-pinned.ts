import type { Scrub } from '#libs/rpc/contracts.ts';
import type { OnRegionEvent } from '#libs/region-event.ts';
import type { PeerDirectory } from '../peers/directory.ts';
import type { Fetcher } from '../transfer/fetch.ts';
import { fillIn } from '../transfer/fill.ts';
import { createPace } from '../transfer/pace.ts';
import { createQuiet } from '../transfer/quiet.ts';
import { lostPinned } from './pinned.ts';

export interface RepairPinnedOptions {
  readonly scrub: Pick<Scrub, 'lostPins' | 'losses'>;
  readonly fetcher: Fetcher;
  readonly directory: Pick<PeerDirectory, 'find' | 'nearestFirst'>;
  /** Whether this region should hold what it has pinned for the repository. */
  readonly mayBeHere: (repository: string) => boolean;
  readonly settings: {
    readonly reconcileIntervalMs: number;
    readonly fullLookIntervalMs: number;
    readonly maxReconcilePauseMs: number;
    readonly maxBackgroundCopies: number;
  };
  readonly onEvent: OnRegionEvent;
  readonly onFault: (error: unknown) => void;
}

export interface PinnedRepair {
  /** Something may have been lost. */
  lookAgain(): void;
  /** Resolves after the signal's abort. */
  readonly ended: Promise<void>;
}

/** Lost blobs that were told of, to tell of each once. */
const MAX_TOLD = 10_000;

/**
 * Brings back what this region has pinned and lost: no manifest may name it yet, so the reconcile loop does not miss it, but an upload or another
 * region's push was told that it is here. Looks when the storage may hold less than before.
 */
export function repairPinned(options: RepairPinnedOptions, signal: AbortSignal): PinnedRepair {
  const { scrub, settings, onFault } = options;
  const pace = createPace({
    intervalMs: settings.reconcileIntervalMs,
    maxPauseMs: settings.maxReconcilePauseMs,
  });
  const now = (): number => performance.now();
  const quiet = createQuiet({
    losses: async (over) => JSON.stringify(await scrub.losses({}, { signal: over })),
    fullLookMs: settings.fullLookIntervalMs,
    now,
  });
  const told = new Set<string>();
  const look = async (): Promise<{ complete: boolean; surveyMs: number }> => {
    if (await quiet.holds(0, signal)) return { complete: true, surveyMs: 0 };
    const startedAt = now();
    const lost = await lostPinned(scrub, options.mayBeHere, signal);
    const surveyMs = now() - startedAt;
    const complete = await bringBack(lost, told, options, signal);
    quiet.looked(complete);
    return { complete, surveyMs };
  };
  const run = async (): Promise<void> => {
    for (;;) {
      let result = { complete: false, surveyMs: 0 };
      try {
        await pace.due(signal);
        pace.take();
        result = await look();
      } catch (error) {
        if (signal.aborted) return;
        onFault(error);
      }
      pace.ended(result);
    }
  };
  return { lookAgain: () => pace.changed(), ended: run() };
}

/** True: each is held now, or no region has it. */
async function bringBack(
  lost: Awaited<ReturnType<typeof lostPinned>>,
  told: Set<string>,
  { fetcher, directory, settings, onEvent, onFault }: RepairPinnedOptions,
  signal: AbortSignal,
): Promise<boolean> {
  const damaged = new Set(lost.filter((blob) => blob.damaged).map(({ digest }) => digest));
  let nowhere = 0;
  const isFilled = await fillIn(
    lost,
    {
      ...{ fetcher, onFault, maxBackgroundCopies: settings.maxBackgroundCopies },
      isLive: (region) => directory.find(region)?.live === true,
      onHeld: ({ digest }) => void told.delete(digest),
      onLost: ({ digest, size }) => {
        nowhere += 1;
        if (!damaged.has(digest) || told.has(digest) || told.size === MAX_TOLD) return;
        told.add(digest);
        onEvent({ kind: 'blob-lost', digest, size });
      },
    },
    signal,
  );
  // A region that is away may have it.
  return isFilled && (nowhere === 0 || directory.nearestFirst().every(({ live }) => live));
}
