import type { DatabaseSync } from 'node:sqlite';

export interface GrantedLease {
  readonly id: number;
  readonly ttlSeconds: number;
}

/** The leases on disk. Its methods that write are for use inside a transaction of the store. */
export interface LeaseTable {
  has(id: number): boolean;
  all(): GrantedLease[];
  add(lease: GrantedLease): void;
  remove(id: number): void;
}

export function openLeaseTable(sql: DatabaseSync): LeaseTable {
  const find = sql.prepare('SELECT 1 FROM lease WHERE id = ?');
  const list = sql.prepare('SELECT id, ttl_seconds FROM lease');
  const insert = sql.prepare('INSERT INTO lease (id, ttl_seconds) VALUES (?, ?)');
  const remove = sql.prepare('DELETE FROM lease WHERE id = ?');
  return {
    has: (id) => find.get(id) !== undefined,
    all: () =>
      list.all().map((row) => ({ id: row['id'] as number, ttlSeconds: row['ttl_seconds'] as number })),
    add: ({ id, ttlSeconds }) => {
      insert.run(id, ttlSeconds);
    },
    remove: (id) => {
      remove.run(id);
    },
  };
}
