import type { DatabaseSync } from 'node:sqlite';
import type { Digest } from '#libs/oci/digest.ts';
import { RegistryError } from '#libs/oci/errors.ts';
import type { RepositoryName } from '#libs/oci/name.ts';
import type { Content } from '../collaborators.ts';
import { MAX_CLOSURE_BLOBS, type OwnershipView, type WantedBlob, type WantedView } from './view.ts';

const KINDS = ['manifest', 'config', 'layer'] as const;
const MANIFEST_RANK = 0;

/** What repositories own. */
export function ownershipRows(db: DatabaseSync): OwnershipView {
  const size = db.prepare('SELECT size FROM manifests WHERE repository = ? AND digest = ?');
  const named = db.prepare('SELECT size FROM content WHERE repository = ? AND digest = ? LIMIT 1');
  const ofManifest = db.prepare(
    'SELECT c.digest, c.size, c.rank FROM manifests AS m JOIN content AS c ON c.manifest = m.id WHERE m.repository = ? AND m.digest = ?',
  );
  const naming = db.prepare(`
    SELECT m.digest FROM content AS c JOIN manifests AS m ON m.id = c.manifest
    WHERE c.repository = ? AND c.digest = ? ORDER BY m.digest LIMIT ?`);
  // One repository after the other by the indexes: a common blob is named by more manifests than a turn could look at.
  const nextOwner = db.prepare(`
    SELECT repository, size FROM (
      SELECT * FROM (SELECT repository, size FROM manifests WHERE digest = ?1 AND repository > ?2 ORDER BY repository LIMIT 1)
      UNION ALL
      SELECT * FROM (SELECT repository, size FROM content WHERE digest = ?1 AND repository > ?2 ORDER BY repository LIMIT 1)
    ) ORDER BY repository LIMIT 1`);
  const isDeleting = db.prepare("SELECT 1 FROM repositories WHERE name = ? AND state = 'deleting'");
  const sizeOf = (repository: RepositoryName, digest: Digest): number | undefined =>
    size.get(repository, digest)?.['size'] as number | undefined;

  return {
    manifestSize: sizeOf,
    owns: (repository, digest) =>
      sizeOf(repository, digest) ?? (named.get(repository, digest)?.['size'] as number | undefined),
    namedBy: (repository, digest, limit) =>
      naming.all(repository, digest, limit).map((row) => row['digest'] as Digest),
    owners: (digest, limit) => {
      const repositories: RepositoryName[] = [];
      let size = 0;
      let last = '';
      while (repositories.length < limit) {
        const row = nextOwner.get(digest, last) as { repository: RepositoryName; size: number } | undefined;
        if (row === undefined) break;
        last = row.repository;
        if (isDeleting.get(row.repository) !== undefined) continue;
        repositories.push(row.repository);
        ({ size } = row);
      }
      return { repositories, size };
    },
    closure: (repository, manifests) => {
      const closure = new Map<Digest, Content>();
      const expanded = new Set<Digest>();
      const queue = [...manifests];
      for (let digest = queue.pop(); digest !== undefined; digest = queue.pop()) {
        const bytes = sizeOf(repository, digest);
        if (expanded.has(digest) || bytes === undefined) continue;
        expanded.add(digest);
        closure.set(digest, { digest, size: bytes });
        const rows = ofManifest.all(repository, digest) as unknown as (Content & { rank: number })[];
        for (const { digest, size, rank } of rows) {
          closure.set(digest, { digest, size });
          if (rank === MANIFEST_RANK) queue.push(digest);
        }
        refuseTooMany(closure.size);
      }
      return [...closure.values()];
    },
  };
}

/** A page of what a region should hold: that of one kind after the digest `last`. */
export type WantedPage = (kind: WantedBlob['kind'], last: string, limit: number) => WantedBlob[];

/** Content that is several things is wanted once, as the first of them. */
export function wantedRows(db: DatabaseSync): WantedPage {
  const ofManifests = `
    SELECT digest, size, min(repository) AS repository FROM manifests WHERE digest > ?1
    GROUP BY digest ORDER BY digest LIMIT ?2`;
  const ofRank = (rank: number, more = ''): string => `
    SELECT digest, min(size) AS size, min(repository) AS repository FROM content AS c WHERE digest > ?1
    GROUP BY digest HAVING min(rank) = ${rank} ${more} ORDER BY digest LIMIT ?2`;
  const unlessManifest = 'AND NOT EXISTS (SELECT 1 FROM manifests AS m WHERE m.digest = c.digest)';
  const statements = {
    manifest: db.prepare(`
      SELECT digest, size, min(repository) AS repository
      FROM (SELECT * FROM (${ofManifests}) UNION ALL SELECT * FROM (${ofRank(MANIFEST_RANK)}))
      GROUP BY digest ORDER BY digest LIMIT ?2`),
    config: db.prepare(ofRank(1, unlessManifest)),
    layer: db.prepare(ofRank(2, unlessManifest)),
  };
  return (kind, last, limit) =>
    (statements[kind].all(last, limit) as unknown as Omit<WantedBlob, 'kind'>[]).map((row) => ({
      kind,
      ...row,
    }));
}

/** Digests of either algorithm; each once, as the first of the things that it is. */
export function wantedByPrefix(db: DatabaseSync): WantedView['wantedUnder'] {
  const rows = db.prepare(`
    SELECT digest, min(size) AS size, min(rank) AS rank, min(repository) AS repository FROM (
      SELECT digest, size, 0 AS rank, repository FROM manifests WHERE digest >= ?1 AND digest < ?2
      UNION ALL
      SELECT digest, size, rank, repository FROM content WHERE digest >= ?1 AND digest < ?2
    ) GROUP BY digest ORDER BY digest`);
  return (_region, prefix) =>
    ['sha256', 'sha512'].flatMap((algorithm) => {
      const first = `${algorithm}:${prefix}`;
      // No digit comes after f.
      const found = rows.all(first, `${first}g`) as unknown as (WantedBlob & { rank: number })[];
      return found.map(({ digest, size, rank, repository }) => ({
        ...{ kind: KINDS[rank] ?? 'layer', digest, size, repository },
      }));
    });
}

export function wantedOfManifest(db: DatabaseSync): WantedView['wantedOf'] {
  const rows = db.prepare(`
    SELECT digest, size, 0 AS rank FROM manifests WHERE repository = ?1 AND digest = ?2
    UNION ALL SELECT c.digest, c.size, c.rank FROM manifests AS m JOIN content AS c ON c.manifest = m.id WHERE m.repository = ?1 AND m.digest = ?2
    ORDER BY rank`);
  return (repository, manifest) =>
    (rows.all(repository, manifest) as unknown as (Content & { rank: number })[]).map(
      ({ digest, size, rank }) => ({ kind: KINDS[rank] ?? 'layer', digest, size, repository }),
    );
}

function refuseTooMany(blobs: number): void {
  if (blobs <= MAX_CLOSURE_BLOBS) return;
  throw new RegistryError(
    'TOO_LARGE',
    `The index stands for more than ${MAX_CLOSURE_BLOBS} blobs, its children's included; split it into several.`,
  );
}
