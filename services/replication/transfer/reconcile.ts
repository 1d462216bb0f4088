import type { Storage } from '#libs/rpc/contracts.ts';
import type { Fetcher } from './fetch.ts';
import { initialState, look } from './look.ts';
import type { WantedBlob } from './missing.ts';
import { createPace, type ChangedManifest } from './pace.ts';

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

export interface Reconciler {
  status(): ReconcileStatus;
  /** What is wanted may have changed by these manifests; without any, by anything. */
  changed(manifests?: readonly ChangedManifest[]): void;
  /** A blob was copied, for whatever reason. */
  copied(): void;
  stop(): Promise<void>;
}

export interface ReconcileOptions {
  readonly storage: Storage;
  readonly fetcher: Fetcher;
  /** The newest revision that `wanted` takes account of; 0 while nothing is known. */
  readonly revision: () => number;
  /** What this region should hold for these manifests, or in all: manifests first, then configs, then layers. */
  readonly wanted: (manifests: readonly ChangedManifest[] | undefined) => Iterable<WantedBlob>;
  readonly isLive: (region: string) => boolean;
  readonly settings: {
    readonly reconcileIntervalMs: number;
    readonly maxReconcilePauseMs: number;
    readonly maxBackgroundCopies: number;
  };
  /** Blobs were copied since the last time, and now everything is here. */
  readonly onCaughtUp: (whole: { revision: number; blobs: number; bytes: number }) => void;
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

  const run = async (): Promise<void> => {
    for (;;) {
      let result = { complete: false, surveyMs: 0 };
      try {
        await pace.due(stopped.signal);
        // In one turn: the revision must not be newer than what is looked at.
        const revision = options.revision();
        const manifests = pace.take();
        if (revision > 0) result = await look(manifests, revision, state, options, stopped.signal);
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
      missingBlobs: state.blobs,
      missingBytes: state.bytes,
      lostBlobs: state.lost.size,
    }),
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
