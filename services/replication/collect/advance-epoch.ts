import { randomUUID } from 'node:crypto';
import type { KeyValueStore } from '#libs/etcd/store.ts';
import { RegistryError } from '#libs/oci/errors.ts';
import { gcKey, HEAD_KEY } from '../catalog/keys.ts';
import { gcRecord, headRecord } from '../catalog/records.ts';
import { keysAt, readKey, transact } from '../catalog/transact.ts';

export interface AdvancedEpoch {
  readonly epoch: number;
  /** Of the transaction: a push that counted the region under an earlier epoch has committed before it, or never will. */
  readonly revision: number;
}

/**
 * Moves the region's collection epoch on by one. Where another process of the region does it at the same time, its transaction serves this
 * one as well. Throws UNAVAILABLE.
 */
export async function advanceEpoch(
  etcd: KeyValueStore,
  { region, catalogId, timeoutMs }: { region: string; catalogId: string; timeoutMs: number },
  signal: AbortSignal,
): Promise<AdvancedEpoch> {
  const key = gcKey(region);
  const { kvs } = await etcd.range({ key }, signal);
  const [row] = kvs;
  if (row === undefined) {
    throw new RegistryError('CONFLICT', `The catalog has no collection epoch of the region ${region}.`);
  }
  const epoch = gcRecord.decode(row.value, key).epoch + 1;
  const answer = await transact(
    etcd,
    {
      compare: [{ key, target: 'mod', op: '=', value: row.modRevision }],
      then: [
        { kind: 'put', key, value: gcRecord.encode({ epoch }) },
        { kind: 'put', key: HEAD_KEY, value: headRecord.encode({ catalogId, id: randomUUID() }) },
      ],
      else: [readKey(key)],
    },
    { what: 'The collection', timeoutMs },
    signal,
  );
  if (answer.succeeded) return { epoch, revision: answer.revision };
  const [now] = keysAt(answer, 0);
  if (now === undefined) throw new RegistryError('CONFLICT', `The region ${region} was removed.`);
  return { epoch: gcRecord.decode(now.value, key).epoch, revision: now.modRevision };
}
