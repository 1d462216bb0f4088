import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { keyCondition, type KeyRange } from './keyrange.ts';

/** One version of a key; of a deletion, `version` and `createRevision` are 0 and `value` is empty. */
export interface Version {
  readonly key: Buffer;
  readonly revision: number;
  readonly deleted: boolean;
  readonly createRevision: number;
  readonly version: number;
  readonly lease: number;
  readonly value: Buffer;
}

/** The versions of all keys, by SQL. Knows nothing of transactions, of compaction's rules or of who watches. */
export interface History {
  /** The newest revision in the history, 1 where it is empty. */
  lastRevision(): number;
  /** The version of `key` that was current at `revision`, if it was not deleted then. */
  current(key: Buffer, revision: number): Version | undefined;
  /** The keys of a range as of `revision`, in key order, at most `limit` (-1: all). */
  page(range: KeyRange, revision: number, limit: number, content: 'values' | 'keys'): Version[];
  count(range: KeyRange, revision: number): number;
  /** The changes in a range of keys and in [from, to) of revisions, in the order they were made. To be read in one go, without awaiting. */
  changes(range: KeyRange, from: number, to: number): Iterable<Version>;
  append(version: Version): void;
  /** The keys that hang on a lease as of `revision`, in key order. */
  keysOfLease(lease: number, revision: number): Buffer[];
}

const COLUMNS = 'key, revision, deleted, create_revision, version, lease';

export function openHistory(sql: DatabaseSync): History {
  const last = sql.prepare('SELECT max(revision) AS revision FROM history');
  const one = (content: string): StatementSync =>
    sql.prepare(
      `SELECT ${COLUMNS}, ${content} FROM history WHERE key = ? AND revision <= ? ORDER BY revision DESC LIMIT 1`,
    );
  const [oneWithValue, oneKey] = [one('value'), one(`x'' AS value`)];
  // SQLite takes the bare column `deleted` from the row that has the maximum.
  const newest = (shape: 'span' | 'rest'): string =>
    `SELECT key, max(revision) AS revision, deleted FROM history
     WHERE ${keyCondition[shape]} AND revision <= ? GROUP BY key ORDER BY key`;
  const pageOf = (shape: 'span' | 'rest', content: string): StatementSync =>
    sql.prepare(
      `SELECT h.key, h.revision, h.deleted, h.create_revision, h.version, h.lease, ${content}
       FROM (SELECT * FROM (${newest(shape)}) WHERE deleted = 0 LIMIT ?) AS newest
       CROSS JOIN history AS h ON h.key = newest.key AND h.revision = newest.revision`,
    );
  const pages = {
    span: { values: pageOf('span', 'h.value'), keys: pageOf('span', `x'' AS value`) },
    rest: { values: pageOf('rest', 'h.value'), keys: pageOf('rest', `x'' AS value`) },
  };
  const countOf = (shape: 'span' | 'rest'): StatementSync =>
    sql.prepare(`SELECT count(*) AS count FROM (${newest(shape)}) WHERE deleted = 0`);
  const counts = { span: countOf('span'), rest: countOf('rest') };
  const changesOf = (shape: KeyRange['shape']): StatementSync =>
    sql.prepare(
      `SELECT ${COLUMNS}, value FROM history INDEXED BY history_by_revision
       WHERE ${keyCondition[shape]} AND revision >= ? AND revision < ? ORDER BY revision, id`,
    );
  const changes = { one: changesOf('one'), span: changesOf('span'), rest: changesOf('rest') };
  const insert = sql.prepare(`INSERT INTO history (${COLUMNS}, value) VALUES (?, ?, ?, ?, ?, ?, ?)`);
  const leased = sql.prepare('SELECT DISTINCT key FROM history WHERE lease = ? ORDER BY key');

  const current = (key: Buffer, revision: number, content: 'values' | 'keys' = 'values') => {
    const row = (content === 'values' ? oneWithValue : oneKey).get(key, revision);
    return row === undefined || row['deleted'] === 1 ? undefined : fromRow(row);
  };
  return {
    lastRevision: () => Number(last.get()?.['revision'] ?? 1),
    current,
    page: ({ shape, bounds }, revision, limit, content) => {
      if (shape !== 'one') return pages[shape][content].all(...bounds, revision, limit).map(fromRow);
      const version = current(bounds[0], revision, content);
      return version === undefined ? [] : [version];
    },
    count: ({ shape, bounds }, revision) => {
      if (shape !== 'one') return Number(counts[shape].get(...bounds, revision)?.['count']);
      return current(bounds[0], revision, 'keys') === undefined ? 0 : 1;
    },
    *changes({ shape, bounds }, from, to) {
      for (const row of changes[shape].iterate(...bounds, from, to)) yield fromRow(row);
    },
    append: ({ key, revision, deleted, createRevision, version, lease, value }) => {
      insert.run(key, revision, deleted ? 1 : 0, createRevision, version, lease, value);
    },
    keysOfLease: (lease, revision) =>
      leased
        .all(lease)
        .map((row) => buffer(row['key']))
        .filter((key) => current(key, revision, 'keys')?.lease === lease),
  };
}

function fromRow(row: Record<string, unknown>): Version {
  return {
    key: buffer(row['key']),
    revision: row['revision'] as number,
    deleted: row['deleted'] === 1,
    createRevision: row['create_revision'] as number,
    version: row['version'] as number,
    lease: row['lease'] as number,
    value: buffer(row['value']),
  };
}

function buffer(blob: unknown): Buffer {
  const { buffer, byteOffset, byteLength } = blob as Uint8Array<ArrayBuffer>;
  return Buffer.from(buffer, byteOffset, byteLength);
}
