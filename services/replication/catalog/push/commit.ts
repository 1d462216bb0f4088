import { randomUUID } from 'node:crypto';
import { LeaseNotFoundError } from '#libs/etcd/errors.ts';
import type { Compare, KeyValueStore, Operation } from '#libs/etcd/store.ts';
import { gcKey, HEAD_KEY, manifestKey, receiptKey, repositoryKey, tagKey } from '../keys.ts';
import { manifestRecord, type ManifestRecord } from '../manifest-record.ts';
import { gcRecord, headRecord, receiptRecord, repositoryRecord, tagRecord } from '../records.ts';
import { keysAt, readKey, transact } from '../transact.ts';
import type { Prepared, ReadKey } from './prepared.ts';
import type { ReceiptLease } from './receipt-lease.ts';
import type { Push } from './request.ts';

export type CommitOutcome =
  | { readonly kind: 'committed'; readonly revision: number }
  /** A region has begun another collection since it pinned the content: it must pin again. */
  | { readonly kind: 'epochs-changed' }
  /** Something else that the push depends on is not as it was read. */
  | { readonly kind: 'changed' };

export interface CommitOptions {
  readonly etcd: KeyValueStore;
  readonly receipts: ReceiptLease;
  readonly timeoutMs: number;
}

/** The push's one writing transaction, sent until its outcome is known. Throws UNAVAILABLE, also where it stays unknown. */
export async function commit(
  { etcd, receipts, timeoutMs }: CommitOptions,
  push: Push,
  record: ManifestRecord,
  prepared: Prepared,
  epochs: ReadonlyMap<string, number>,
  signal: AbortSignal,
): Promise<CommitOutcome> {
  const { unchanged, notNewer } = prepared;
  const receipt = receiptKey(push.id);
  const compare: Compare[] = [
    { key: receipt, target: 'create', op: '=', value: 0 },
    ...areUnchanged(unchanged),
    ...notNewer,
    ...areCollecting(epochs),
  ];
  const lease = await receipts.id(signal);
  const request = {
    compare,
    then: writes(push, record, prepared, lease),
    else: [receipt, ...unchanged.map(({ key }) => key)].map(readKey),
  };
  try {
    const answer = await transact(etcd, request, { what: 'The push', timeoutMs }, signal);
    if (answer.succeeded) return { kind: 'committed', revision: answer.revision };
    const [found] = keysAt(answer, 0);
    if (found !== undefined) return { kind: 'committed', revision: found.modRevision };
    // What was taken from the view is read anew, whatever it was that had changed.
    const same =
      notNewer.length === 0 &&
      unchanged.every(
        ({ modRevision }, index) => (keysAt(answer, 1 + index)[0]?.modRevision ?? 0) === modRevision,
      );
    return { kind: same ? 'epochs-changed' : 'changed' };
  } catch (error) {
    if (!(error instanceof LeaseNotFoundError)) throw error;
    receipts.drop(lease);
    return { kind: 'changed' };
  }
}

/** That the keys are as they were read. */
export function areUnchanged(keys: readonly ReadKey[]): Compare[] {
  return keys.map(({ key, modRevision }) => ({ key, target: 'mod', op: '=', value: modRevision }));
}

/** That no region has begun another collection since it pinned content. */
export function areCollecting(epochs: ReadonlyMap<string, number>): Compare[] {
  return [...epochs].map(([region, epoch]) => ({
    key: gcKey(region),
    target: 'value',
    op: '=',
    value: gcRecord.encode({ epoch }),
  }));
}

function writes(
  push: Push,
  record: ManifestRecord,
  { catalogId, isNew }: Prepared,
  lease: string,
): Operation[] {
  const { digest, tags, pushedBy } = push;
  const { mediaType, size, pushedAtMs } = record;
  const tag = tagRecord.encode({ digest, mediaType, size, pushedAtMs, pushedBy });
  const put = (key: string, value: Buffer): Operation => ({ kind: 'put', key, value });
  return [
    put(manifestKey(push.repository, digest), manifestRecord.encode(record)),
    ...tags.map((name) => put(tagKey(push.repository, name), tag)),
    put(HEAD_KEY, headRecord.encode({ catalogId, id: randomUUID() })),
    {
      kind: 'put',
      key: receiptKey(push.id),
      value: receiptRecord.encode({ repository: push.repository, digest }),
      lease,
    },
    ...(isNew ? [put(repositoryKey(push.repository), newRepository())] : []),
  ];
}

function newRepository(): Buffer {
  return repositoryRecord.encode({ incarnation: randomUUID(), state: 'active' });
}
