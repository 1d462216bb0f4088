import type { ReconcileOptions } from './reconcile.ts';
import { fillIn } from './fill.ts';
import { add, noTotals, surveyMissing, type Totals } from './missing.ts';
import type { ChangedManifest } from './pace.ts';

/** What the reconcile loop knows between two looks. */
export interface State {
  watermark: number;
  /** A look at everything was complete, and so were all looks at changes since. */
  whole: boolean;
  copied: boolean;
  toldRevision: number;
  missing: Totals;
  /** At the last look at everything. */
  wanted: Totals;
  lost: Set<string>;
  /** Lost ones that were told of, until they are held again. */
  toldLost: Set<string>;
}

export function initialState(): State {
  return {
    ...{ watermark: 0, whole: false, copied: false, toldRevision: 0 },
    ...{ missing: noTotals(), wanted: noTotals(), lost: new Set(), toldLost: new Set() },
  };
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
  const narrowed = all ? await options.narrow(signal) : undefined;
  const looked = narrowed?.doubtful ?? options.wanted(manifests);
  const survey = await surveyMissing(looked, options.storage, options.recheck, signal);
  const wanted = narrowed?.wanted ?? survey.wanted;
  const surveyMs = performance.now() - startedAt;
  if (all) {
    Object.assign(state, { missing: noTotals(), wanted });
    state.lost.clear();
  }
  const { missing } = state;
  missing.blobs += survey.missing.blobs;
  missing.bytes += survey.missing.bytes;
  missing.manifests += survey.missing.manifests;
  const filled = await fillIn(
    survey.work,
    {
      ...options,
      maxBackgroundCopies: options.settings.maxBackgroundCopies,
      onHeld: (blob) => {
        add(missing, blob, -1);
        state.lost.delete(blob.digest);
        state.toldLost.delete(blob.digest);
      },
      onLost: (blob) => {
        add(missing, blob, -1);
        state.lost.add(blob.digest);
        if (!state.toldLost.has(blob.digest)) options.onLost(blob);
        state.toldLost.add(blob.digest);
      },
    },
    signal,
  );
  const complete = filled && survey.work.length === survey.missing.blobs;
  if (complete && all) state.whole = true;
  if (complete && state.whole) advance(state, revision, all ? wanted : undefined, options);
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
