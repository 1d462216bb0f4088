import type { DeleteRangeRequest } from '#types/etcdserverpb/DeleteRangeRequest.ts';
import type { PutRequest } from '#types/etcdserverpb/PutRequest.ts';
import type { RequestOp } from '#types/etcdserverpb/RequestOp.ts';
import type { TxnRequest } from '#types/etcdserverpb/TxnRequest.ts';
import { etcdError, unsupported } from './errors.ts';
import { parseKeyRange, rangeHolds } from './keyrange.ts';
import { checkRange } from './range.ts';

/** etcd's defaults of --max-txn-ops and --max-request-bytes. */
const MAX_OPERATIONS = 128;
const MAX_REQUEST_BYTES = 1.5 * 1024 * 1024;

/** Refuses what etcd refuses without looking at the store, and what the coordinator can't do. */
export function checkTxn({ compare, success, failure }: TxnRequest): void {
  if (Math.max(compare.length, success.length, failure.length) > MAX_OPERATIONS)
    throw etcdError.tooManyOperations();
  let bytes = 0;
  for (const { key, value, rangeEnd } of compare) {
    if (key.length === 0) throw etcdError.emptyKey();
    bytes += key.length + rangeEnd.length + (value?.length ?? 0);
  }
  for (const operation of [...success, ...failure]) bytes += checkOperation(operation);
  if (bytes > MAX_REQUEST_BYTES) throw etcdError.tooLarge();
  checkKeysOnce(success);
  checkKeysOnce(failure);
}

export function checkPut({ key, value, prevKv, ignoreValue, ignoreLease }: PutRequest): void {
  if (key.length === 0) throw etcdError.emptyKey();
  if (prevKv || ignoreValue || ignoreLease) throw unsupported('prev_kv, ignore_value and ignore_lease');
  if (key.length + value.length > MAX_REQUEST_BYTES) throw etcdError.tooLarge();
}

export function checkDelete({ key, prevKv }: DeleteRangeRequest): void {
  if (key.length === 0) throw etcdError.emptyKey();
  if (prevKv) throw unsupported('prev_kv');
}

/** Gives the bytes that count towards the request's size. */
function checkOperation({ requestRange, requestPut, requestDeleteRange, requestTxn }: RequestOp): number {
  if (requestTxn) throw unsupported('transactions inside of transactions');
  if (requestRange) {
    checkRange(requestRange);
    return requestRange.key.length + requestRange.rangeEnd.length;
  }
  if (requestPut) {
    checkPut(requestPut);
    return requestPut.key.length + requestPut.value.length;
  }
  if (!requestDeleteRange) throw unsupported('empty operations');
  checkDelete(requestDeleteRange);
  return requestDeleteRange.key.length + requestDeleteRange.rangeEnd.length;
}

/**
 * A revision has one version of a key: it may not be put twice, nor put and deleted, in one transaction. (etcd overlooks ranges
 * with the end "\\0" here.)
 */
function checkKeysOnce(operations: readonly RequestOp[]): void {
  const put = new Map<string, Buffer>();
  for (const { requestPut } of operations) {
    if (!requestPut) continue;
    const name = requestPut.key.toString('latin1');
    if (put.has(name)) throw etcdError.duplicateKey();
    put.set(name, requestPut.key);
  }
  for (const { requestDeleteRange } of operations) {
    if (!requestDeleteRange) continue;
    const range = parseKeyRange(requestDeleteRange.key, requestDeleteRange.rangeEnd);
    for (const key of put.values()) if (rangeHolds(range, key)) throw etcdError.duplicateKey();
  }
}
