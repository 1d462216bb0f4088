import { randomUUID } from 'node:crypto';
import { prefixEnd } from '#libs/etcd/prefix.ts';
import type { KeyValueStore } from '#libs/etcd/store.ts';
import type { Digest } from '#libs/oci/digest.ts';
import type { RepositoryName } from '#libs/oci/name.ts';
import { HEAD_KEY, manifestKey, manifestPrefix, removalsKey } from '../catalog/keys.ts';
import { headRecord, removalsRecord } from '../catalog/records.ts';
import { notOlderThan, notPutSince, transact } from '../catalog/transact.ts';
import type { ViewPosition } from '../catalog/view/view.ts';

/** A transaction takes 100 keys; `removals` and the head are among them. */
export const MANIFESTS_PER_REMOVAL = 90;

export interface JudgedRemoval {
  readonly repository: RepositoryName;
  /** At most MANIFESTS_PER_REMOVAL. */
  readonly digests: readonly Digest[];
  /** Where the view was, at the latest, when it was judged what has to stay. */
  readonly judgedAt: ViewPosition;
  readonly nowMs: number;
}

/**
 * Removes the manifests if none was put in the repository since the judgement. Setting a tag puts the manifest again, and what names or
 * refers to another one is a manifest itself, so nothing can have come to keep them. False if it must be judged anew. A second run does no
 * harm: then the compare fails, or they are gone already. Throws UNAVAILABLE.
 */
export async function removeJudged(
  etcd: KeyValueStore,
  { repository, digests, judgedAt: { catalogId, revision }, nowMs }: JudgedRemoval,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<boolean> {
  const [first] = digests;
  if (first === undefined) return true;
  const prefix = manifestPrefix(repository);
  const { succeeded } = await transact(
    etcd,
    {
      compare: [notPutSince(revision, prefix, prefixEnd(prefix)), notOlderThan(revision)],
      then: [
        ...digests.map((digest) => ({ kind: 'delete', key: manifestKey(repository, digest) }) as const),
        {
          kind: 'put',
          key: removalsKey(repository),
          value: removalsRecord.encode({ digest: first, removedAtMs: nowMs }),
        },
        { kind: 'put', key: HEAD_KEY, value: headRecord.encode({ catalogId, id: randomUUID() }) },
      ],
    },
    { what: 'The removal of untagged manifests', timeoutMs },
    signal,
  );
  return succeeded;
}
