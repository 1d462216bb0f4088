import type { IEvent, IKeyValue, IRangeResponse, IResponseOp, ITxnResponse } from 'etcd3';
import type { KeyValue, OperationResult, RangeResult, TxnResult, WatchEvent } from './store.ts';

export function rangeResult(response: IRangeResponse): RangeResult {
  return {
    kvs: response.kvs.map(keyValue),
    count: integer(response.count),
    more: response.more,
    revision: integer(response.header.revision),
  };
}

export function txnResult({ succeeded, header, responses }: ITxnResponse): TxnResult {
  return { succeeded, revision: integer(header.revision), responses: responses.map(operationResult) };
}

export function watchEvent({ type, kv }: IEvent): WatchEvent {
  return { kind: type === 'Put' ? 'put' : 'delete', kv: keyValue(kv) };
}

/** int64 comes as text; revisions and counts that JavaScript can't hold are none that a store ever reaches. */
export function integer(text: string): number {
  const number = Number(text);
  if (!Number.isSafeInteger(number)) throw new Error(`etcd sent ${text} where a revision or count belongs.`);
  return number;
}

function keyValue(kv: IKeyValue): KeyValue {
  return {
    key: kv.key.toString(),
    value: kv.value,
    createRevision: integer(kv.create_revision),
    modRevision: integer(kv.mod_revision),
    version: integer(kv.version),
    lease: kv.lease,
  };
}

/** Only the member that is set is there, whatever the declared type says. */
function operationResult(response: Partial<IResponseOp>): OperationResult {
  if (response.response_range) return { kind: 'range', ...rangeResult(response.response_range) };
  if (response.response_delete_range)
    return { kind: 'delete', deleted: integer(response.response_delete_range.deleted) };
  return { kind: 'put' };
}
