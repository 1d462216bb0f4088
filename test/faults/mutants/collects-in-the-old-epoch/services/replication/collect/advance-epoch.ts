import type { advanceEpoch as honestly, AdvancedEpoch } from '#services/replication/collect/advance-epoch.ts';
import { gcKey } from '#services/replication/catalog/keys.ts';
import { gcRecord } from '#services/replication/catalog/records.ts';

/** Begins no new epoch, so that no push can see that there was a collection. */
export async function advanceEpoch(
  etcd: Parameters<typeof honestly>[0],
  { region }: Parameters<typeof honestly>[1],
  signal: AbortSignal,
): Promise<AdvancedEpoch> {
  const key = gcKey(region);
  const { kvs } = await etcd.range({ key }, signal);
  const [row] = kvs;
  if (row === undefined) throw new Error('The region has no epoch.');
  return { epoch: gcRecord.decode(row.value, key).epoch, revision: row.modRevision };
}
