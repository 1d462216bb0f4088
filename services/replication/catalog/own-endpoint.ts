import type { ConfiguredRegion } from '#libs/config/regions.ts';
import { randomUUID } from 'node:crypto';
import type { KeyValueStore } from '#libs/etcd/store.ts';
import { HEAD_KEY, regionKey } from './keys.ts';
import { headRecord, regionRecord } from './records.ts';

/**
 * Puts right where the other regions reach this one, if it has moved since the catalog was told. Who is a region is the administrators'
 * decision; under which address it answers, the region itself knows best. Another process of the region that was quicker is left alone:
 * it is configured alike.
 */
export async function putOwnEndpoint(
  etcd: KeyValueStore,
  { name, endpoint }: ConfiguredRegion,
  catalogId: string,
  signal: AbortSignal,
): Promise<void> {
  const key = regionKey(name);
  const { kvs } = await etcd.range({ key }, signal);
  const [row] = kvs;
  if (row === undefined) return;
  const record = regionRecord.decode(row.value, key);
  if (record.endpoint === endpoint) return;
  await etcd.txn(
    {
      compare: [{ key, target: 'mod', op: '=', value: row.modRevision }],
      then: [
        { kind: 'put', key, value: regionRecord.encode({ ...record, endpoint }) },
        { kind: 'put', key: HEAD_KEY, value: headRecord.encode({ catalogId, id: randomUUID() }) },
      ],
    },
    signal,
  );
}
