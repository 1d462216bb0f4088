import type { KeyValueStore } from '#libs/etcd/store.ts';
import type { Digest } from '#libs/oci/digest.ts';
import type { RepositoryName } from '#libs/oci/name.ts';
import type { Barrier } from '../catalog/barrier.ts';
import type { Clock } from '../catalog/collaborators.ts';
import type { View } from '../catalog/view/view.ts';
import { removable, unkept } from './judge.ts';
import { readGraph } from './read-graph.ts';
import { MANIFESTS_PER_REMOVAL, removeJudged } from './remove.ts';
import type { UntaggedSince } from './untagged-since.ts';

export interface RetainOptions {
  readonly etcd: KeyValueStore;
  readonly view: View;
  readonly barrier: Barrier;
  readonly since: UntaggedSince;
  readonly clock: Pick<Clock, 'nowMs'>;
  readonly commitTimeoutMs: number;
}

/** How often a repository is judged anew in one pass because manifests were put meanwhile; the next pass goes on. */
const MAX_ATTEMPTS = 5;

/** Removes the repository's manifests that were kept by nothing for `deleteAfterMs`; gives their number. Throws UNAVAILABLE. */
export async function retain(
  options: RetainOptions,
  repository: RepositoryName,
  deleteAfterMs: number,
  signal: AbortSignal,
): Promise<number> {
  const { etcd, view, barrier, clock, commitTimeoutMs } = options;
  let removed = 0;
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    await barrier(signal);
    const judgedAt = view.position();
    const due = await judge(options, repository, deleteAfterMs, signal);
    let isCurrent = view.position().catalogId === judgedAt.catalogId;
    for (let start = 0; start < due.length && isCurrent; start += MANIFESTS_PER_REMOVAL) {
      const digests = due.slice(start, start + MANIFESTS_PER_REMOVAL);
      const removal = { repository, digests, judgedAt, nowMs: clock.nowMs() };
      isCurrent = await removeJudged(etcd, removal, commitTimeoutMs, signal);
      if (isCurrent) removed += digests.length;
    }
    if (isCurrent) return removed;
  }
  return removed;
}

async function judge(
  { view, since, clock }: RetainOptions,
  repository: RepositoryName,
  deleteAfterMs: number,
  signal: AbortSignal,
): Promise<Digest[]> {
  const { graph, pushedAtMs } = await readGraph(view, repository, signal);
  const nowMs = clock.nowMs();
  const untagged = unkept(graph).map((digest) => ({ digest, pushedAtMs: pushedAtMs.get(digest) ?? nowMs }));
  const sinceMs = since.note(repository, untagged, nowMs);
  return removable(graph, (digest) => nowMs - (sinceMs.get(digest) ?? nowMs) >= deleteAfterMs);
}
