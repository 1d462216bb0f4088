import { setTimeout as pause } from 'node:timers/promises';
import type { Leases } from '#libs/cache/leases.ts';
import { settingsInView } from '../catalog/configure/effective.ts';
import { retain, type RetainOptions } from './retain.ts';

export interface RetentionOptions extends RetainOptions {
  readonly leases: Leases;
  readonly intervalMs: number;
  readonly onRemoved: (repository: string, manifests: number) => void;
  readonly onFault: (error: unknown) => void;
}

export const DEFAULT_RETENTION_INTERVAL_MS = 3_600_000;

/** A pass of another process of the region is left alone for so long; both would do no harm. */
const LEASE_MS = 60_000;
const REPOSITORIES_PAGE = 100;

/** Removes, from time to time, the untagged manifests that repositories no longer want. */
export function startRetention(options: RetentionOptions): { stop(): Promise<void> } {
  const { leases, intervalMs, onFault } = options;
  const stopped = new AbortController();
  const { signal } = stopped;
  const loop = async (): Promise<void> => {
    while (await pausedFor(intervalMs, signal)) {
      try {
        const release = await leases.tryAcquire('retention', LEASE_MS, signal);
        if (release === undefined) continue;
        await retainAll(options, signal).finally(release);
      } catch (error) {
        if (!signal.aborted) onFault(error);
      }
    }
  };
  const looping = loop();
  return {
    stop: async () => {
      stopped.abort(new Error('The service stops.'));
      await looping;
      options.since.close();
    },
  };
}

/** One pass over all repositories. */
export async function retainAll(
  options: Omit<RetentionOptions, 'leases' | 'intervalMs'>,
  signal: AbortSignal,
): Promise<void> {
  const { view, barrier, since, onRemoved, onFault } = options;
  await barrier(signal);
  since.begin(view.position().catalogId);
  for (let last = ''; ;) {
    const page = view.repositories(last, REPOSITORIES_PAGE);
    for (const repository of page) {
      const { untagged } = settingsInView(view, repository);
      if (untagged === 'keep') {
        since.forget(repository);
        continue;
      }
      try {
        const removed = await retain(options, repository, untagged.deleteAfterMs, signal);
        if (removed > 0) onRemoved(repository, removed);
      } catch (error) {
        if (signal.aborted) throw error;
        onFault(error);
      }
    }
    last = page.at(-1) ?? '';
    if (page.length < REPOSITORIES_PAGE) return;
  }
}

/** False when `signal` aborts. */
function pausedFor(ms: number, signal: AbortSignal): Promise<boolean> {
  return pause(ms, true, { signal }).catch(() => false);
}
