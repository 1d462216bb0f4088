import type { DatabaseSync } from 'node:sqlite';
import type { RepositoryName } from '#libs/oci/name.ts';
import type { WantedBlob } from './view.ts';

const KINDS = ['manifest', 'config', 'layer'] as const;

/** A page of what a repository owns after the digest `last`, each digest once. */
export function repositoryContentRows(
  db: DatabaseSync,
): (repository: RepositoryName, last: string, limit: number) => WantedBlob[] {
  const page = db.prepare(`
    SELECT digest, size, min(rank) AS rank FROM (
      SELECT digest, size, 0 AS rank FROM manifests WHERE repository = ?1 AND digest > ?2
      UNION ALL
      SELECT digest, size, rank FROM content WHERE repository = ?1 AND digest > ?2
    ) GROUP BY digest ORDER BY digest LIMIT ?3`);
  return (repository, last, limit) =>
    (page.all(repository, last, limit) as unknown as (WantedBlob & { rank: number })[]).map(
      ({ digest, size, rank }) => ({ digest, size, kind: KINDS[rank] ?? 'layer', repository }),
    );
}
