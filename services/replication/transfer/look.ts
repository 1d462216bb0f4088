import type { ReconcileOptions } from './reconcile.ts';
import { fillIn } from './fill.ts';
import { surveyMissing } from './missing.ts';
import type { ChangedManifest } from './pace.ts';

/** What the reconcile loop knows between two looks. */
export interface State {
  watermark: number;
  /** A look at everything was complete, and so were all looks at changes since. */
  whole: boolean;
  copied: boolean;
  toldRevision: number;
  /** Missing. */
  blobs: number;
  bytes: number;
  lost: Set<string>;
}

export function initialState(): State {
  return { watermark: 0, whole: false, copied: false, toldRevision: 0, blobs: 0, bytes: 0, lost: new Set() };
}

/** Looks at these manifests' content, or at everything, and fetches what is missing. `complete`: all that a live region has is here now. */
export async function look(
  manifests: readonly ChangedManifest[] | undefined,
  revision: number,
  state: State,
  options: ReconcileOptions,
  signal: AbortSignal,
): Promise<{ complete: boolean; surveyMs: number }> {
  const all = manifests === undefined;
  const startedAt = performance.now();
  const survey = await surveyMissing(options.wanted(manifests), options.storage, signal);
  const surveyMs = performance.now() - startedAt;
  if (all) {
    Object.assign(state, { blobs: 0, bytes: 0 });
    state.lost.clear();
  }
  const count = (sign: 1 | -1, { blobs, bytes }: { blobs: number; bytes: number }): void => {
    state.blobs += sign * blobs;
    state.bytes += sign * bytes;
  };
  count(1, survey.missing);
  const filled = await fillIn(
    survey.work,
    {
      ...options,
      maxBackgroundCopies: options.settings.maxBackgroundCopies,
      onHeld: ({ size }) => count(-1, { blobs: 1, bytes: size }),
      onLost: ({ digest, size }) => {
        count(-1, { blobs: 1, bytes: size });
        state.lost.add(digest);
      },
    },
    signal,
  );
  const complete = filled && survey.work.length === survey.missing.blobs;
  if (complete && all) state.whole = true;
  if (complete && state.whole) advance(state, revision, all ? survey.wanted : undefined, options);
  return { complete, surveyMs };
}

function advance(
  state: State,
  revision: number,
  held: { blobs: number; bytes: number } | undefined,
  { onCaughtUp }: ReconcileOptions,
): void {
  state.watermark = Math.max(state.watermark, revision);
  if (held === undefined || held.blobs === 0 || !state.copied) return;
  if (state.lost.size > 0 || revision === state.toldRevision) return;
  state.copied = false;
  state.toldRevision = revision;
  onCaughtUp({ revision, ...held });
}
