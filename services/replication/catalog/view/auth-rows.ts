import type { DatabaseSync } from 'node:sqlite';
import type { AuthRow, AuthView } from './view.ts';

/** The kind of the one row that says that there is an administrator. */
export const AUTH_STATE = 'state';

/** Identities and permissions. */
export function authRows(db: DatabaseSync): AuthView {
  const columns = 'kind, name, record, mod_revision AS modRevision';
  const one = db.prepare(`SELECT ${columns} FROM auth WHERE kind = ? AND name = ?`);
  const all = db.prepare(`SELECT ${columns} FROM auth WHERE kind <> '${AUTH_STATE}'`);
  return {
    authRow: (kind, name) => one.get(kind, name) as AuthRow | undefined,
    authRows: () => all.all() as unknown as AuthRow[],
    isAdministered: () => one.get(AUTH_STATE, '') !== undefined,
  };
}
