import type { Compare } from '#types/etcdserverpb/Compare.ts';
import type { RequestOp } from '#types/etcdserverpb/RequestOp.ts';
import type { ResponseOp } from '#types/etcdserverpb/ResponseOp.ts';
import type { TxnRequest } from '#types/etcdserverpb/TxnRequest.ts';
import { etcdError } from './errors.ts';
import type { Version } from './history.ts';
import { parseKeyRange } from './keyrange.ts';
import type { LeaseTable } from './lease-table.ts';
import { checkRevision } from './range.ts';
import type { Writer } from './writer.ts';

export interface TxnOutcome {
  readonly succeeded: boolean;
  readonly revision: number;
  readonly responses: ResponseOp[];
}

/** True if a transaction can change nothing, whichever branch it takes. */
export function isReadOnly({ success, failure }: TxnRequest): boolean {
  return [...success, ...failure].every(({ requestRange }) => Boolean(requestRange));
}

/** Runs a checked transaction. Whatever may be refused is refused before the first write. */
export function runTxn(request: TxnRequest, writer: Writer, leases: LeaseTable): TxnOutcome {
  const { compare, success, failure } = request;
  const succeeded = compare.every((condition) => holdsInRange(condition, writer));
  const branch = succeeded ? success : failure;
  for (const { requestPut } of branch) if (requestPut) checkLease(requestPut.lease, leases);
  for (const { requestRange } of branch) if (requestRange) checkRevision(requestRange.revision, writer.base);
  const responses = branch.map((operation) => perform(operation, writer));
  return { succeeded, revision: writer.revision(), responses };
}

/** Refuses to put on a lease that is not there. */
export function checkLease(lease: number, leases: LeaseTable): void {
  if (lease !== 0 && !leases.has(lease)) throw etcdError.leaseNotFound();
}

function perform({ requestRange, requestPut, requestDeleteRange }: RequestOp, writer: Writer): ResponseOp {
  if (requestRange) return { responseRange: writer.range(requestRange) };
  if (requestPut) {
    writer.put(requestPut.key, requestPut.value, requestPut.lease);
    return { responsePut: { header: revisionOnly(writer) } };
  }
  if (!requestDeleteRange) throw new Error('An operation of a checked transaction is empty.');
  const deleted = writer.delete(parseKeyRange(requestDeleteRange.key, requestDeleteRange.rangeEnd));
  return { responseDeleteRange: { header: revisionOnly(writer), deleted } };
}

/** Every key of the range has to hold; a range without keys is like an absent key. */
function holdsInRange(condition: Compare, writer: Writer): boolean {
  const { key, rangeEnd, target } = condition;
  if (rangeEnd.length === 0) return holds(condition, writer.current(key));
  const found = writer.all(parseKeyRange(key, rangeEnd), target === 'VALUE' ? 'values' : 'keys');
  return found.length === 0
    ? holds(condition, undefined)
    : found.every((version) => holds(condition, version));
}

/** An absent key has 0 for every number, and no value: comparing that is always false. */
function holds({ target, result, ...given }: Compare, version: Version | undefined): boolean {
  switch (target) {
    case 'VALUE':
      return version !== undefined && fits(result, version.value.compare(given.value ?? Buffer.alloc(0)));
    case 'VERSION':
      return fits(result, (version?.version ?? 0) - (given.version ?? 0));
    case 'CREATE':
      return fits(result, (version?.createRevision ?? 0) - (given.createRevision ?? 0));
    case 'MOD':
      return fits(result, (version?.revision ?? 0) - (given.modRevision ?? 0));
    case 'LEASE':
      return fits(result, (version?.lease ?? 0) - (given.lease ?? 0));
  }
}

function fits(result: Compare['result'], difference: number): boolean {
  switch (result) {
    case 'EQUAL':
      return difference === 0;
    case 'NOT_EQUAL':
      return difference !== 0;
    case 'GREATER':
      return difference > 0;
    case 'LESS':
      return difference < 0;
  }
}

function revisionOnly(writer: Writer): {
  clusterId: number;
  memberId: number;
  revision: number;
  raftTerm: number;
} {
  return { clusterId: 0, memberId: 0, revision: writer.revision(), raftTerm: 0 };
}
