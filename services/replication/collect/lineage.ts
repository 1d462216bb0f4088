import { CompactedError, FutureRevisionError } from '#libs/etcd/errors.ts';
import type { KeyValueStore } from '#libs/etcd/store.ts';
import { RegistryError } from '#libs/oci/errors.ts';
import type { Lineage } from '#types/meridian/v1/Lineage.ts';
import { HEAD_KEY } from '../catalog/keys.ts';
import { headRecord } from '../catalog/records.ts';

/** The catalog as it is now, for the next collection to compare with. Throws UNAVAILABLE where etcd holds none. */
export async function currentLineage(etcd: KeyValueStore, signal: AbortSignal): Promise<Lineage> {
  const { kvs } = await etcd.range({ key: HEAD_KEY }, signal);
  const [head] = kvs;
  if (head === undefined) throw new RegistryError('UNAVAILABLE', 'etcd holds no catalog.');
  const { catalogId, id } = headRecord.decode(head.value, HEAD_KEY);
  return { catalogId, revision: head.modRevision, headId: id };
}

/**
 * Refuses to collect by a catalog that is not the one collected by before, or is older than that: whatever an operator restored may lack
 * what was pushed since, and its blobs would go. Throws CONFLICT with what to do.
 */
export async function checkLineage(
  etcd: KeyValueStore,
  known: Lineage,
  current: Lineage,
  signal: AbortSignal,
): Promise<void> {
  if (known.catalogId === '') return;
  if (known.catalogId !== current.catalogId) {
    throw refused(`is ${current.catalogId}, but this region has collected by ${known.catalogId}`);
  }
  if (known.revision > current.revision || !(await hadHead(etcd, known, signal))) {
    throw refused(`has another history than at the last collection, at revision ${known.revision}`);
  }
}

/** Whether the known head is a part of etcd's history, as far as that is kept. */
async function hadHead(etcd: KeyValueStore, known: Lineage, signal: AbortSignal): Promise<boolean> {
  try {
    const { kvs } = await etcd.range({ key: HEAD_KEY, revision: known.revision }, signal);
    const [head] = kvs;
    return head !== undefined && headRecord.decode(head.value, HEAD_KEY).id === known.headId;
  } catch (error) {
    if (error instanceof CompactedError) return true;
    if (error instanceof FutureRevisionError) return false;
    throw error;
  }
}

function refused(what: string): RegistryError {
  return new RegistryError(
    'CONFLICT',
    `Nothing is collected: the catalog in etcd ${what}. Was etcd restored or exchanged? See what is missing, then start a collection that agrees to it.`,
  );
}
