import type { StatementSync } from 'node:sqlite';
import type { DigestAlgorithm } from '#libs/oci/digest.ts';
import type { OwnerDatabase } from './database.ts';

export interface UploadRow {
  readonly id: string;
  readonly repository: string;
  readonly algorithm: DigestAlgorithm;
  /** Bytes that are durable. */
  readonly offset: number;
}

/** An upload and the time of its last bytes, which orders such rows, ties by id. */
export interface IdleUpload {
  readonly id: string;
  readonly updatedAt: number;
}

/** The uploads that are open. What resolves is durable then, an insertion once anything later is; a note may be lost by a crash soon after. Times are in milliseconds since 1970. */
export interface UploadRows {
  insert(row: UploadRow, now: number): void;
  noteOffset(id: string, offset: number, now: number): void;
  noteRemoval(id: string): void;
  setOffset(id: string, offset: number, now: number): Promise<void>;
  remove(id: string): Promise<void>;
  /** The first `limit` of those after `after` that got no bytes later than `until`. */
  idle(until: number, after: IdleUpload | undefined, limit: number): IdleUpload[];
  isIdle(id: string, until: number): boolean;
  get(id: string): UploadRow | undefined;
  all(): UploadRow[];
  count(): number;
}

export function openUploadRows({ database, commits }: OwnerDatabase): UploadRows {
  const insert = database.prepare(
    'INSERT INTO uploads (id, repository, algorithm, offset, created_at, updated_at) VALUES (?1, ?2, ?3, ?4, ?5, ?5)',
  );
  const update = database.prepare('UPDATE uploads SET offset = ?2, updated_at = ?3 WHERE id = ?1');
  const remove = database.prepare('DELETE FROM uploads WHERE id = ?');
  const idle = database.prepare(`
    SELECT id, updated_at AS updatedAt FROM uploads
    WHERE updated_at <= ?1 AND (updated_at, id) > (?2, ?3) ORDER BY updated_at, id LIMIT ?4`);
  const isIdle = database.prepare('SELECT 1 FROM uploads WHERE id = ? AND updated_at <= ?');
  const columns = 'id, repository, algorithm, offset';
  const get = database.prepare(`SELECT ${columns} FROM uploads WHERE id = ?`);
  const all = database.prepare(`SELECT ${columns} FROM uploads`);
  const count = database.prepare('SELECT count(*) AS uploads FROM uploads');
  const settled = (statement: StatementSync): StatementSync => {
    commits.settle();
    return statement;
  };
  return {
    insert: ({ id, repository, algorithm, offset }, now) =>
      commits.note(() => void insert.run(id, repository, algorithm, offset, now)),
    noteOffset: (id, offset, now) => commits.later(() => void update.run(id, offset, now)),
    noteRemoval: (id) => commits.later(() => void remove.run(id)),
    setOffset: (id, offset, now) => commits.run(() => void update.run(id, offset, now)),
    remove: (id) => commits.run(() => void remove.run(id)),
    idle: (until, after, limit) =>
      settled(idle).all(until, after?.updatedAt ?? -1, after?.id ?? '', limit) as unknown as IdleUpload[],
    isIdle: (id, until) => settled(isIdle).get(id, until) !== undefined,
    get: (id) => settled(get).get(id) as UploadRow | undefined,
    all: () => settled(all).all() as unknown as UploadRow[],
    count: () => Number(settled(count).get()?.['uploads']),
  };
}
