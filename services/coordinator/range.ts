import type { RangeRequest } from '#types/etcdserverpb/RangeRequest.ts';
import type { RangeResponse } from '#types/etcdserverpb/RangeResponse.ts';
import { etcdError, unsupported } from './errors.ts';
import type { History, Version } from './history.ts';
import { parseKeyRange } from './keyrange.ts';

/** How far the store has come: what is readable is [compactRevision, revision]. */
export interface Bounds {
  readonly revision: number;
  readonly compactRevision: number;
}

/** Refuses what the coordinator can't do and what etcd refuses whatever the store holds. */
export function checkRange(request: RangeRequest): void {
  if (request.key.length === 0) throw etcdError.emptyKey();
  if (request.sortOrder === 'DESCEND' || request.sortTarget !== 'KEY')
    throw unsupported('sorting ranges other than by ascending key');
  const { minModRevision, maxModRevision, minCreateRevision, maxCreateRevision } = request;
  if (minModRevision || maxModRevision || minCreateRevision || maxCreateRevision)
    throw unsupported('selecting keys by their revisions');
}

/** Refuses a revision outside of what is readable; 0 and below are the newest. */
export function checkRevision(revision: number, bounds: Bounds): void {
  if (revision > bounds.revision) throw etcdError.futureRevision();
  if (revision > 0 && revision < bounds.compactRevision) throw etcdError.compacted();
}

/** Answers a checked range; the header has the revision only. */
export function readRange(history: History, request: RangeRequest, bounds: Bounds): RangeResponse {
  checkRevision(request.revision, bounds);
  const range = parseKeyRange(request.key, request.rangeEnd);
  const revision = request.revision > 0 ? request.revision : bounds.revision;
  const header = { clusterId: 0, memberId: 0, revision: bounds.revision, raftTerm: 0 };
  const limit = request.countOnly ? 0 : request.limit > 0 ? request.limit : Infinity;
  const kvs =
    limit === 0
      ? []
      : history.page(range, revision, sqlLimit(limit), request.keysOnly ? 'keys' : 'values').map(keyValue);
  const count = limit === Infinity ? kvs.length : history.count(range, revision);
  return { header, kvs, more: limit > 0 && count > kvs.length, count };
}

export function keyValue(version: Version): RangeResponse['kvs'][number] {
  return {
    key: version.key,
    createRevision: version.createRevision,
    modRevision: version.revision,
    version: version.version,
    value: version.value,
    lease: version.lease,
  };
}

function sqlLimit(limit: number): number {
  return limit === Infinity ? -1 : limit;
}
