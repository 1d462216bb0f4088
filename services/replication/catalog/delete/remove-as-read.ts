import { randomUUID } from 'node:crypto';
import { LeaseNotFoundError } from '#libs/etcd/errors.ts';
import type { KeyValueStore, Operation } from '#libs/etcd/store.ts';
import type { Digest } from '#libs/oci/digest.ts';
import type { RepositoryName } from '#libs/oci/name.ts';
import { HEAD_KEY, receiptKey } from '../keys.ts';
import type { ReceiptLease } from '../push/receipt-lease.ts';
import { headRecord, receiptRecord } from '../records.ts';
import type { CatalogSettings } from '../settings.ts';
import { keysAt, readKey, transact } from '../transact.ts';

export interface RemoveOptions {
  readonly etcd: KeyValueStore;
  readonly receipts: ReceiptLease;
  readonly settings: CatalogSettings;
}

/** What goes in one transaction. */
export interface Removal {
  readonly repository: RepositoryName;
  readonly digest: Digest;
  readonly catalogId: string;
  /** At most 90: a transaction takes 100 keys. */
  readonly rows: readonly { readonly key: string; readonly modRevision: number }[];
  /** What it puts besides the head. */
  readonly puts?: readonly Operation[];
}

/**
 * The revision of the removal; undefined where a row has changed before, and nothing was removed. When an answer was lost, the receipt says
 * who removed the rows: that they are gone may be another's doing. Throws UNAVAILABLE.
 */
export async function removeAsRead(
  { etcd, receipts, settings }: RemoveOptions,
  { repository, digest, catalogId, rows, puts = [] }: Removal,
  signal: AbortSignal,
): Promise<number | undefined> {
  const receipt = receiptKey(randomUUID());
  const head = headRecord.encode({ catalogId, id: randomUUID() });
  const lease = await receipts.id(signal);
  try {
    const answer = await transact(
      etcd,
      {
        compare: [
          { key: receipt, target: 'create', op: '=', value: 0 },
          ...rows.map(
            ({ key, modRevision }) => ({ key, target: 'mod', op: '=', value: modRevision }) as const,
          ),
        ],
        then: [
          ...rows.map(({ key }) => ({ kind: 'delete', key }) as const),
          ...puts,
          { kind: 'put', key: HEAD_KEY, value: head },
          { kind: 'put', key: receipt, value: receiptRecord.encode({ repository, digest }), lease },
        ],
        else: [readKey(receipt)],
      },
      { what: 'The deletion', timeoutMs: settings.commitTimeoutMs },
      signal,
    );
    return answer.succeeded ? answer.revision : keysAt(answer, 0)[0]?.modRevision;
  } catch (error) {
    if (!(error instanceof LeaseNotFoundError)) throw error;
    receipts.drop(lease);
    return undefined;
  }
}
