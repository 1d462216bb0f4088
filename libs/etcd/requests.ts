import type { CompareResult, ICompare, IRangeRequest, IRequestOp, ITxnRequest } from 'etcd3';
import type { Compare, CompareOperator, Operation, RangeRequest, TxnRequest } from './store.ts';

const RESULT: Record<CompareOperator, keyof typeof CompareResult> = {
  '=': 'Equal',
  '!=': 'NotEqual',
  '<': 'Less',
  '>': 'Greater',
};

/** A range as etcd's protocol has it. */
export function rangeRequest(range: RangeRequest): IRangeRequest {
  return {
    ...keyAndEnd(range),
    limit: range.limit ?? 0,
    revision: range.revision ?? 0,
    serializable: range.serializable ?? false,
    keys_only: range.keysOnly ?? false,
    count_only: range.countOnly ?? false,
  };
}

/** A transaction as etcd's protocol has it. */
export function txnRequest(txn: TxnRequest): ITxnRequest {
  return {
    compare: (txn.compare ?? []).map(compare),
    success: (txn.then ?? []).map(operation),
    failure: (txn.else ?? []).map(operation),
  };
}

/** An empty range_end on the wire means "from key on" to etcd, and not "key alone": it must not be sent at all. */
export function keyAndEnd({ key, rangeEnd = '' }: { key: string; rangeEnd?: string }): {
  key: Buffer;
  range_end?: Buffer;
} {
  return { key: Buffer.from(key), ...(rangeEnd === '' ? {} : { range_end: Buffer.from(rangeEnd) }) };
}

function compare(condition: Compare): ICompare {
  const common = { ...keyAndEnd(condition), result: RESULT[condition.op] };
  switch (condition.target) {
    case 'mod':
      return { ...common, target: 'Mod', mod_revision: condition.value };
    case 'create':
      return { ...common, target: 'Create', create_revision: condition.value };
    case 'version':
      return { ...common, target: 'Version', version: condition.value };
    case 'value':
      return { ...common, target: 'Value', value: condition.value };
  }
}

function operation(op: Operation): IRequestOp {
  switch (op.kind) {
    case 'put':
      return { request_put: { key: Buffer.from(op.key), value: op.value, lease: op.lease ?? '0' } };
    case 'delete':
      return { request_delete_range: keyAndEnd(op) };
    case 'range':
      return { request_range: rangeRequest(op) };
  }
}
