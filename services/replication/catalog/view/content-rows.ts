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
    'SELECT digest, size, rank FROM content WHERE repository = ? AND manifest = ?',
  );
  const sizeOf = (repository: RepositoryName, digest: Digest): number | undefined =>
    size.get(repository, digest)?.['size'] as number | undefined;

  return {
    manifestSize: sizeOf,
    owns: (repository, digest) =>
      sizeOf(repository, digest) ?? (named.get(repository, digest)?.['size'] as number | undefined),
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
  const first = (from: string): string =>
    `SELECT * FROM (SELECT digest, size, min(repository) AS repository FROM ${from} GROUP BY digest ORDER BY digest LIMIT ?2)`;
  const manifests = db.prepare(`
    SELECT digest, size, min(repository) AS repository
    FROM (${first('manifests WHERE digest > ?1')} UNION ALL ${first('content WHERE rank = 0 AND digest > ?1')})
    GROUP BY digest ORDER BY digest LIMIT ?2`);
  const isManifest = 'EXISTS (SELECT 1 FROM manifests AS m WHERE m.digest = c.digest)';
  const isRank = (rank: number): string =>
    `EXISTS (SELECT 1 FROM content AS o WHERE o.rank = ${rank} AND o.digest = c.digest)`;
  const ofRank = (rank: number, ...others: string[]) =>
    db.prepare(`
      SELECT digest, size, min(repository) AS repository FROM content AS c
      WHERE rank = ${rank} AND digest > ?1 AND NOT (${others.join(' OR ')}) GROUP BY digest ORDER BY digest LIMIT ?2`);
  const statements = {
    manifest: manifests,
    config: ofRank(1, isManifest, isRank(0)),
    layer: ofRank(2, isManifest, isRank(0), isRank(1)),
  };
  return (kind, last, limit) =>
    (statements[kind].all(last, limit) as unknown as Omit<WantedBlob, 'kind'>[]).map((row) => ({
      kind,
      ...row,
    }));
}

export function wantedOfManifest(db: DatabaseSync): WantedView['wantedOf'] {
  const rows = db.prepare(`
    SELECT digest, size, 0 AS rank FROM manifests WHERE repository = ?1 AND digest = ?2
    UNION ALL SELECT digest, size, rank FROM content WHERE repository = ?1 AND manifest = ?2
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
