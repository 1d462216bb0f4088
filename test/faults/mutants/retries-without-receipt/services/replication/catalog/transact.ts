import type { KeyValueStore, TxnRequest } from '#libs/etcd/store.ts';
import { transact as withReceipt, type Transacted } from '#services/replication/catalog/transact.ts';

/** Sends a transaction again without looking whether it was done already. */
export async function transact(
  etcd: KeyValueStore,
  request: TxnRequest,
  options: { what: string; timeoutMs: number },
  signal: AbortSignal,
): Promise<Transacted> {
  const compare = (request.compare ?? []).filter(({ key }) => !key.includes('/receipt/'));
  return withReceipt(etcd, { ...request, compare }, options, signal);
}
