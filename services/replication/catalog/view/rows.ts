import type { DatabaseSync } from 'node:sqlite';
import type { Digest } from '#libs/oci/digest.ts';
import type { RepositoryName } from '#libs/oci/name.ts';
import type { Tag } from '#libs/oci/tag.ts';
import { DEFAULTS_KEY, manifestKey, regionKey, repositoryKey } from '../keys.ts';
import { manifestRecord } from '../manifest-record.ts';
import { defaultsRecord, regionRecord, repositoryRecord } from '../records.ts';
import type { ManifestView, RegionView, RepositoryView, TagRow, TagView } from './view.ts';

/*
 * Lookups and lists. Rows were checked before they were written (apply.ts), so they are taken as they are.
 */

export function tagRows(db: DatabaseSync): TagView {
  const one = db.prepare(
    'SELECT digest, media_type AS mediaType, size, mod_revision AS modRevision FROM tags WHERE repository = ? AND tag = ?',
  );
  const page = db.prepare('SELECT tag FROM tags WHERE repository = ? AND tag > ? ORDER BY tag LIMIT ?');
  const pointing = db.prepare(
    'SELECT tag, mod_revision AS modRevision FROM tags WHERE repository = ? AND digest = ? ORDER BY tag',
  );
  return {
    tag: (repository, tag) => one.get(repository, tag) as TagRow | undefined,
    tags: (repository, last, limit) => page.all(repository, last, limit).map((row) => row['tag'] as Tag),
    tagsOf: (repository, digest) =>
      pointing.all(repository, digest) as unknown as { tag: Tag; modRevision: number }[],
  };
}

export function manifestRows(db: DatabaseSync): ManifestView {
  const one = db.prepare('SELECT record FROM manifests WHERE repository = ? AND digest = ?');
  const all = db.prepare(
    'SELECT digest, record FROM manifests WHERE repository = ? AND digest > ? ORDER BY digest LIMIT ?',
  );
  const page = db.prepare(
    'SELECT digest, record FROM manifests WHERE repository = ? AND subject = ? AND digest > ? ORDER BY digest LIMIT ?',
  );
  const pageOfType = db.prepare(
    'SELECT digest, record FROM manifests WHERE repository = ? AND subject = ? AND digest > ? AND artifact_type = ? ORDER BY digest LIMIT ?',
  );
  const decode = (repository: RepositoryName, digest: Digest, record: Uint8Array) =>
    manifestRecord.decode(record, manifestKey(repository, digest));
  return {
    manifest: (repository, digest) => {
      const row = one.get(repository, digest) as { record: Uint8Array } | undefined;
      return row === undefined ? undefined : decode(repository, digest, row.record);
    },
    manifests: (repository, last, limit) =>
      (all.all(repository, last, limit) as unknown as { digest: Digest; record: Uint8Array }[]).map(
        ({ digest, record }) => ({ digest, record: decode(repository, digest, record) }),
      ),
    referrers: (repository, subject, { artifactType, last, limit }) => {
      const rows =
        artifactType === ''
          ? page.all(repository, subject, last, limit)
          : pageOfType.all(repository, subject, last, artifactType, limit);
      return (rows as unknown as { digest: Digest; record: Uint8Array }[]).map(({ digest, record }) => ({
        digest,
        record: decode(repository, digest, record),
      }));
    },
  };
}

export function repositoryRows(db: DatabaseSync): RepositoryView {
  const one = db.prepare('SELECT record FROM repositories WHERE name = ?');
  const defaults = db.prepare('SELECT record FROM defaults');
  const placed = db.prepare('SELECT name, regions FROM repositories WHERE regions IS NOT NULL ORDER BY name');
  const page = db.prepare(
    "SELECT name FROM repositories WHERE name > ? AND state != 'deleting' ORDER BY name LIMIT ?",
  );
  return {
    repository: (name) => {
      const row = one.get(name) as { record: Uint8Array } | undefined;
      return row === undefined ? undefined : repositoryRecord.decode(row.record, repositoryKey(name));
    },
    defaults: () => {
      const row = defaults.get() as { record: Uint8Array } | undefined;
      return row === undefined ? undefined : defaultsRecord.decode(row.record, DEFAULTS_KEY);
    },
    repositories: (last, limit) => page.all(last, limit).map((row) => row['name'] as RepositoryName),
    placed: () =>
      placed.all().map((row) => ({
        repository: row['name'] as RepositoryName,
        regions: JSON.parse(row['regions'] as string) as string[],
      })),
  };
}

export function regionRows(db: DatabaseSync): RegionView {
  const all = db.prepare('SELECT name, record FROM regions ORDER BY name');
  const epoch = db.prepare('SELECT epoch FROM epochs WHERE region = ?');
  return {
    regions: () =>
      (all.all() as unknown as { name: string; record: Uint8Array }[]).map(({ name, record }) => ({
        name,
        ...regionRecord.decode(record, regionKey(name)),
      })),
    epoch: (region) => epoch.get(region)?.['epoch'] as number | undefined,
  };
}
