import type { RangeRequest } from '#types/etcdserverpb/RangeRequest.ts';
import type { RangeResponse } from '#types/etcdserverpb/RangeResponse.ts';
import type { History, Version } from './history.ts';
import type { KeyRange } from './keyrange.ts';
import { readRange, type Bounds } from './range.ts';

/** A transaction's view of the store: everything before it, and its own writes. */
export interface Writer {
  /** What was readable when it began. */
  readonly base: Bounds;
  /** The revision of what the transaction has written, or the newest one while it has written nothing. */
  revision(): number;
  current(key: Buffer): Version | undefined;
  /** All keys of a range, as they are. */
  all(range: KeyRange, content: 'values' | 'keys'): Version[];
  range(request: RangeRequest): RangeResponse;
  put(key: Buffer, value: Buffer, lease: number): void;
  /** Gives the number of keys deleted. */
  delete(range: KeyRange): number;
}

const NOTHING = Buffer.alloc(0);

/** A writer whose first change makes the revision after `base`; every later one belongs to it too. */
export function createWriter(history: History, base: Bounds): Writer {
  let revision = base.revision;
  const next = base.revision + 1;
  return {
    base,
    revision: () => revision,
    current: (key) => history.current(key, revision),
    all: (range, content) => history.page(range, revision, -1, content),
    range: (request) => readRange(history, request, { ...base, revision }),
    put: (key, value, lease) => {
      const before = history.current(key, revision);
      const createRevision = before?.createRevision ?? next;
      const version = (before?.version ?? 0) + 1;
      history.append({ key, revision: next, deleted: false, createRevision, version, lease, value });
      revision = next;
    },
    delete: (range) => {
      const found = history.page(range, revision, -1, 'keys');
      for (const { key } of found) {
        const gone = { deleted: true, createRevision: 0, version: 0, lease: 0, value: NOTHING };
        history.append({ key, revision: next, ...gone });
        revision = next;
      }
      return found.length;
    },
  };
}
