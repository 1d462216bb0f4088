import type { Digest } from '#libs/oci/digest.ts';
import type { RepositoryName } from '#libs/oci/name.ts';

/** When the reconcile loop looks again, and at what: at changed manifests at once, at everything now and then. */
export interface Pace {
  /** Resolves when something is to be looked at. */
  due(signal: AbortSignal): Promise<void>;
  /** What that is: these manifests, or everything (undefined). Taken once; changes from then on count for the next look. */
  take(): readonly ChangedManifest[] | undefined;
  /** The look is over. What could not be done is tried again by a look at everything, later each time. */
  ended(result: { readonly complete: boolean; readonly surveyMs: number }): void;
  /** These manifests changed; without any, anything may have. */
  changed(manifests?: readonly ChangedManifest[]): void;
  /** A look at everything soon, but not so often that looking is all that is done. */
  soon(): void;
}

export interface ChangedManifest {
  readonly repository: RepositoryName;
  readonly digest: Digest;
}

/** Beyond this, looking at everything is simpler. */
const MAX_CHANGED = 1_000;
const MIN_PAUSE_MS = 1_000;
/** Looks at everything take at most one part in so many of the time. */
const REST_FACTOR = 10;

export function createPace({ intervalMs, maxPauseMs }: { intervalMs: number; maxPauseMs: number }): Pace {
  const changes = new Map<string, ChangedManifest>();
  let dueAt = 0;
  let pauseMs = MIN_PAUSE_MS;
  let restMs = MIN_PAUSE_MS;
  let wake = (): void => undefined;

  const lookAtAll = (at: number): void => {
    dueAt = Math.min(dueAt, at);
    wake();
  };
  const isDue = (): boolean => changes.size > 0 || performance.now() >= dueAt;

  return {
    due: async (signal) => {
      while (!isDue()) {
        signal.throwIfAborted();
        await sleep(dueAt - performance.now(), signal, (awake) => {
          wake = awake;
        });
      }
    },
    take: () => {
      const all = performance.now() >= dueAt;
      const manifests = [...changes.values()];
      changes.clear();
      if (!all) return manifests;
      dueAt = Infinity;
      return undefined;
    },
    ended: ({ complete, surveyMs }) => {
      restMs = Math.max(MIN_PAUSE_MS, REST_FACTOR * surveyMs);
      pauseMs = complete ? MIN_PAUSE_MS : Math.min(2 * pauseMs, maxPauseMs);
      lookAtAll(performance.now() + (complete ? Math.max(intervalMs, restMs) : Math.max(pauseMs, restMs)));
    },
    changed: (manifests) => {
      if (manifests === undefined || changes.size + manifests.length > MAX_CHANGED) {
        changes.clear();
        lookAtAll(performance.now());
        return;
      }
      for (const manifest of manifests) changes.set(`${manifest.repository}@${manifest.digest}`, manifest);
      wake();
    },
    soon: () => lookAtAll(performance.now() + restMs),
  };
}

async function sleep(ms: number, signal: AbortSignal, onWaker: (wake: () => void) => void): Promise<void> {
  const awake = Promise.withResolvers<undefined>();
  const wake = (): void => awake.resolve(undefined);
  onWaker(wake);
  const timer = setTimeout(wake, Math.min(ms, MAX_TIMER_MS));
  signal.addEventListener('abort', wake, { once: true });
  await awake.promise;
  clearTimeout(timer);
  signal.removeEventListener('abort', wake);
}

/** What setTimeout can still count. */
const MAX_TIMER_MS = 2 ** 31 - 1;
