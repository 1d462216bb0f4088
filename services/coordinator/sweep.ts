import type { DatabaseSync } from 'node:sqlite';
import type { StoreState } from './store.ts';

/** A sweep works through this many revisions at a time, so that calls are answered in between. */
const REVISIONS_PER_SWEEP = 1000;

/**
 * Deletes a slice of what was compacted and gives the revision it came to. A version goes when a newer one of its key is readable at the compacted
 * revision; a deletion goes too, but not one made by the compacted revision itself: who watches from there must still see it.
 */
export function sweep(sql: DatabaseSync, { sweptRevision, compactRevision }: StoreState): number {
  const to = Math.min(sweptRevision + REVISIONS_PER_SWEEP, compactRevision);
  sql.prepare(DELETE_SUPERSEDED).run(sweptRevision, to);
  sql.prepare(DELETE_DELETIONS).run(sweptRevision, to);
  return to;
}

/** Starts from the newer versions, of which there are few in a slice, and not from all the old ones. */
const DELETE_SUPERSEDED = `
  DELETE FROM history WHERE id IN (
    SELECT older.id
    FROM (
      SELECT key, max(revision) AS revision FROM history INDEXED BY history_by_revision
      WHERE revision >= ? AND revision <= ? GROUP BY key
    ) AS newer
    CROSS JOIN history AS older ON older.key = newer.key AND older.revision < newer.revision
  )`;

const DELETE_DELETIONS = `
  DELETE FROM history INDEXED BY history_by_revision
  WHERE revision >= ? AND revision < ? AND deleted = 1`;
