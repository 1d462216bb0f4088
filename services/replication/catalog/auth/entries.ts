import type { AuthEntry } from '#types/meridian/v1/AuthEntry.ts';
import type { AuthChange, AuthRow, AuthView } from '../view/view.ts';

/** The record as front ends are told of it. */
export function entryOf({ kind, name, record, modRevision }: AuthRow): AuthEntry {
  const text = Buffer.from(record.buffer, record.byteOffset, record.byteLength).toString();
  return { kind, name, record: text, version: modRevision };
}

/** The records that changed as they are now; without text where they are gone. */
export function changedEntries(view: AuthView, changes: Iterable<AuthChange>): AuthEntry[] {
  return [...changes].flatMap(({ kind, name }) => {
    if (kind === 'state') return [];
    const row = view.authRow(kind, name);
    return [row === undefined ? { kind, name, record: '', version: 0 } : entryOf(row)];
  });
}
