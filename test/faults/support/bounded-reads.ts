import { ABSENT, type TagOperation } from './tag-history.ts';

export interface BoundedViolation {
  readonly read: TagOperation;
  readonly why: string;
  /** The writes that show it. */
  readonly because: readonly TagOperation[];
}

/**
 * Reads of one tag that a region answers from its own copy of the catalog. What one tells must have been written, and must have been the
 * tag's value at some time within the staleness it tells; a reader that brings the revision of its own write sees that write or a later one,
 * or is told by the answer's revision and a warning that it might not. Every put has a digest of its own.
 */
export function boundedViolations(operations: readonly TagOperation[]): BoundedViolation[] {
  const writes = operations.filter(
    ({ action, outcome }) => action.kind !== 'read' && mayHaveHappened(outcome.kind),
  );
  const done = writes.filter(({ outcome }) => outcome.kind === 'ok');
  const puts = new Map(
    writes.flatMap((write) => (write.action.kind === 'put' ? [[write.action.digest, write] as const] : [])),
  );
  return operations.flatMap((read): BoundedViolation[] => {
    const { action, outcome } = read;
    if (action.kind !== 'read' || action.how === 'strong' || outcome.kind !== 'ok') return [];
    if (outcome.digest === undefined || outcome.digest === ABSENT) return [];
    const put = puts.get(outcome.digest);
    if (put === undefined) return [{ read, why: 'The value was never written.', because: [] }];
    if (put.invokedAt > read.returnedAt)
      return [{ read, why: 'The value was written only afterwards.', because: [put] }];
    const since = read.invokedAt - (outcome.stalenessMs ?? 0);
    const over = done.find((write) => write.invokedAt > put.returnedAt && write.returnedAt < since);
    if (over !== undefined)
      return [
        { read, why: 'The value was no longer current within the staleness told.', because: [put, over] },
      ];
    return missedOwnWrite(read, put, done);
  });
}

function missedOwnWrite(
  read: TagOperation,
  put: TagOperation,
  done: readonly TagOperation[],
): BoundedViolation[] {
  const { action, outcome } = read;
  if (action.kind !== 'read' || action.minRevision === undefined || outcome.kind !== 'ok') return [];
  const { minRevision } = action;
  if ((outcome.revision ?? 0) < minRevision) {
    if (outcome.warned === true) return [];
    return [{ read, why: 'The answer is older than was asked for, without a warning.', because: [] }];
  }
  const seen = put.outcome.kind === 'ok' ? put.outcome.revision : undefined;
  if (seen === undefined) return [];
  const missed = done.find(({ outcome }) => {
    const revision = outcome.kind === 'ok' ? (outcome.revision ?? 0) : 0;
    return revision > seen && revision <= minRevision;
  });
  return missed === undefined
    ? []
    : [{ read, why: 'A write that the reader brought the revision of is not seen.', because: [put, missed] }];
}

function mayHaveHappened(outcome: string): boolean {
  return outcome === 'ok' || outcome === 'unknown';
}
