import { etcdError } from './errors.ts';

/** etcd's ranges: `one` key; a `span` [key, end); or the `rest` of the keys from one on. */
export interface KeyRange {
  readonly shape: 'one' | 'span' | 'rest';
  /** What the SQL condition of this shape is given, in order. */
  readonly bounds: readonly [key: Buffer] | readonly [key: Buffer, end: Buffer];
}

/** The SQL condition on the column `key` for each shape; blobs compare by bytes. */
export const keyCondition = {
  one: 'key = ?',
  span: 'key >= ? AND key < ?',
  rest: 'key >= ?',
} as const;

/** Reads the key and range_end of a request; refuses an empty key. */
export function parseKeyRange(key: Buffer, rangeEnd: Buffer): KeyRange {
  if (key.length === 0) throw etcdError.emptyKey();
  if (rangeEnd.length === 0) return { shape: 'one', bounds: [key] };
  if (rangeEnd.length === 1 && rangeEnd[0] === 0) return { shape: 'rest', bounds: [key] };
  return { shape: 'span', bounds: [key, rangeEnd] };
}

export function rangeHolds({ shape, bounds: [first, end] }: KeyRange, key: Buffer): boolean {
  if (shape === 'one') return key.equals(first);
  return key.compare(first) >= 0 && (end === undefined || key.compare(end) < 0);
}
