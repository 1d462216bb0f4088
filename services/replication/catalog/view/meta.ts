import type { DatabaseSync } from 'node:sqlite';

/** Where a view stands. */
export interface Meta {
  catalogId(): string;
  setCatalogId(id: string): void;
  /** Mod revision and id of the newest `catalog/head` in the view; 0 and '' in an empty one. */
  head(): { readonly revision: number; readonly id: string };
  setHead(revision: number, id: string): void;
  /** The revision of the last event applied: a watch goes on after it. */
  applied(): number;
  setApplied(revision: number): void;
  /** When the view was last known to be up to date, in milliseconds since 1970; 0 where it never was. */
  freshAtMs(): number;
  setFreshAtMs(time: number): void;
}

export function createMeta(db: DatabaseSync): Meta {
  const select = db.prepare('SELECT value FROM meta WHERE name = ?');
  const replace = db.prepare('INSERT OR REPLACE INTO meta (name, value) VALUES (?, ?)');
  const get = (name: string): unknown => select.get(name)?.['value'];
  const number = (name: string): number => (get(name) as number | undefined) ?? 0;
  const text = (name: string): string => (get(name) as string | undefined) ?? '';
  return {
    catalogId: () => text('catalogId'),
    setCatalogId: (id) => void replace.run('catalogId', id),
    head: () => ({ revision: number('headRevision'), id: text('headId') }),
    setHead: (revision, id) => {
      replace.run('headRevision', revision);
      replace.run('headId', id);
    },
    applied: () => number('applied'),
    setApplied: (revision) => void replace.run('applied', revision),
    freshAtMs: () => number('freshAtMs'),
    setFreshAtMs: (time) => void replace.run('freshAtMs', time),
  };
}
