import type { DatabaseSync } from 'node:sqlite';
import type { Digest } from '#libs/oci/digest.ts';
import type { RepositoryName } from '#libs/oci/name.ts';
import type { NamedView } from './view.ts';

/** Which content the catalog names, in whatever repository. */
export function namingRows(db: DatabaseSync): NamedView {
  // The list comes as JSON: one statement for many digests.
  const named = db.prepare(`
    SELECT value AS digest FROM json_each(?1)
    WHERE EXISTS (SELECT 1 FROM manifests WHERE manifests.digest = value)
      OR EXISTS (SELECT 1 FROM content WHERE content.digest = value)`);
  const namers = db.prepare(`
    SELECT repository, digest AS manifest FROM manifests WHERE digest = ?1
    UNION
    SELECT m.repository, m.digest FROM content AS c JOIN manifests AS m ON m.id = c.manifest WHERE c.digest = ?1
    LIMIT ?2`);
  return {
    named: (digests) => new Set(named.all(JSON.stringify(digests)).map((row) => row['digest'] as Digest)),
    namersOf: (digest, limit) =>
      namers.all(digest, limit) as unknown as { repository: RepositoryName; manifest: Digest }[],
  };
}
