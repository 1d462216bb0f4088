import type { Storage } from '#libs/rpc/contracts.ts';
import type { Fetcher } from './fetch.ts';
import { initialState, look } from './look.ts';
import type { Narrowed, Recheck, Totals, WantedBlob } from './missing.ts';
import { createPace, type ChangedManifest } from './pace.ts';
import { createQuiet } from './quiet.ts';

/** How far this region is with what it should hold. */
export interface ReconcileStatus {
  /** The catalog's revision up to which it holds every blob that a live region has. */
  readonly watermark: number;
  /** Not here yet, though a live region may have them. */
  readonly missingBlobs: number;
  readonly missingBytes: number;
  /** No live region has them. */
  readonly lostBlobs: number;
}

/** What the last look at everything found wanted, and what of it is not here yet. */
export interface Fill {
  readonly wanted: Totals;
  readonly missing: Totals;
}

export interface Reconciler {
  status(): ReconcileStatus;
  fill(): Fill;
  /** What is wanted may have changed by these manifests; without any, by anything. */
  changed(manifests?: readonly ChangedManifest[]): void;
  /** A blob was copied, for whatever reason. */
  copied(): void;
  stop(): Promise<void>;
}

export interface ReconcileOptions {
  readonly storage: Storage;
  readonly recheck: Recheck;
  /** Another text after everything that could make the storage hold less. */
  readonly losses: (signal: AbortSignal) => Promise<string>;
  readonly fetcher: Fetcher;
  /** The newest revision that `wanted` takes account of; 0 while nothing is known. */
  readonly revision: () => number;
  /** What this region should hold for these manifests, or in all: manifests first, then configs, then layers. */
  readonly wanted: (manifests: readonly ChangedManifest[] | undefined) => Iterable<WantedBlob>;
  /** Finds out where a look at everything needs to look; undefined where that is nearly everywhere. */
  readonly narrow: (signal: AbortSignal) => Promise<Narrowed | undefined>;
  readonly isLive: (region: string) => boolean;
  /** The region that is asked first; undefined: the nearest. */
  readonly pushedLatelyTo?: (repository: string, digest: string) => string | undefined;
  readonly settings: {
    readonly reconcileIntervalMs: number;
    readonly fullLookIntervalMs: number;
    readonly maxReconcilePauseMs: number;
    readonly maxBackgroundCopies: number;
  };
  /** Blobs were copied since the last time, and now everything is here. */
  readonly onCaughtUp: (whole: { revision: number; blobs: number; bytes: number }) => void;
  /** No live region has the blob; called once until it is held again. */
  readonly onLost: (blob: WantedBlob) => void;
  readonly onFault: (error: unknown) => void;
}

/**
 * The loop that brings everything here that should be here. It is driven by what is wanted and what is held, not by what was said to have
 * happened: a lost event costs time only.
 */
export function startReconciler(options: ReconcileOptions): Reconciler {
  const { settings } = options;
  const stopped = new AbortController();
  const pace = createPace({
    intervalMs: settings.reconcileIntervalMs,
    maxPauseMs: settings.maxReconcilePauseMs,
  });
  const state = initialState();
  const now = (): number => performance.now();
  const quiet = createQuiet({ losses: options.losses, fullLookMs: settings.fullLookIntervalMs, now });
  const lookAtAll = async (revision: number): ReturnType<typeof look> => {
    const isQuiet = await quiet.holds(revision, stopped.signal);
    if (isQuiet && state.whole && !state.copied) return { complete: true, surveyMs: 0 };
    const result = await look(undefined, revision, state, options, stopped.signal);
    quiet.looked(result.complete && state.lost.size === 0);
    return result;
  };

  const run = async (): Promise<void> => {
    for (;;) {
      let result = { complete: false, surveyMs: 0 };
      try {
        await pace.due(stopped.signal);
        // In one turn: the revision must not be newer than what is looked at.
        const revision = options.revision();
        const manifests = pace.take();
        if (revision > 0) {
          result =
            manifests === undefined
              ? await lookAtAll(revision)
              : await look(manifests, revision, state, options, stopped.signal);
        }
      } catch (error) {
        if (stopped.signal.aborted) return;
        options.onFault(error);
      }
      if (!result.complete) state.whole = false;
      pace.ended(result);
    }
  };
  const ended = run();

  return {
    status: () => ({
      watermark: state.watermark,
      missingBlobs: state.missing.blobs,
      missingBytes: state.missing.bytes,
      lostBlobs: state.lost.size,
    }),
    fill: () => ({ wanted: { ...state.wanted }, missing: { ...state.missing } }),
    changed: (manifests) => pace.changed(manifests),
    copied: () => {
      state.copied = true;
      pace.soon();
    },
    stop: async () => {
      stopped.abort(new Error('The service stops.'));
      await ended;
    },
  };
}
