import type { DatabaseSync } from 'node:sqlite';
import type { Unowned, UnownedView } from './view.ts';

/** Content that is named but not owned. */
export function unownedRows(db: DatabaseSync): UnownedView {
  const select =
    'SELECT repository, digest, size, is_manifest AS isManifest, named_by AS namedBy FROM unowned';
  const page = db.prepare(
    `${select} WHERE (repository, digest, named_by) > (?, ?, ?) ORDER BY repository, digest, named_by LIMIT ?`,
  );
  const byManifest = db.prepare(`${select} WHERE repository = ? AND named_by = ? ORDER BY digest`);
  const asContent = db.prepare(`${select} WHERE repository = ? AND digest = ? ORDER BY named_by LIMIT ?`);
  return {
    unowned: (last, limit) =>
      page.all(last?.repository ?? '', last?.digest ?? '', last?.namedBy ?? '', limit).map(read),
    unownedBy: (repository, manifest) => byManifest.all(repository, manifest).map(read),
    unownedAs: (repository, digest, limit) => asContent.all(repository, digest, limit).map(read),
  };
}

function read(row: Record<string, unknown>): Unowned {
  return { ...(row as unknown as Unowned), isManifest: row['isManifest'] === 1 };
}
