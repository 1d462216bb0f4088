import type { DatabaseSync } from 'node:sqlite';
import type { KeyValue, WatchEvent } from '#libs/etcd/store.ts';
import type { Digest } from '#libs/oci/digest.ts';
import { isForeignLayer } from '#libs/oci/mediatype.ts';
import type { ReferenceRole } from '#libs/oci/manifest.ts';
import type { RepositoryName } from '#libs/oci/name.ts';
import type { Tag } from '#libs/oci/tag.ts';
import { authRecords, authStateRecord } from '../auth/records.ts';
import { parseKey, type ParsedKey } from '../keys.ts';
import { isPushedAgain, manifestRecord } from '../manifest-record.ts';
import {
  defaultsRecord,
  gcRecord,
  headRecord,
  regionRecord,
  repositoryRecord,
  schemaRecord,
  tagRecord,
} from '../records.ts';
import { AUTH_STATE } from './auth-rows.ts';
import { createMeta } from './meta.ts';
import type { AuthChange } from './view.ts';

/** What a run of events changed. */
export interface AppliedChange {
  readonly tags: { readonly repository: RepositoryName; readonly tag: Tag }[];
  readonly manifests: { readonly repository: RepositoryName; readonly digest: Digest }[];
  readonly content: Digest[];
  readonly repositories: RepositoryName[];
  readonly auth: AuthChange[];
  regions: boolean;
  defaults: boolean;
}

export type Applier = (events: Iterable<WatchEvent>) => AppliedChange;

/** Writes etcd's events into the tables; the caller opens the transaction. Throws for a record that can't be read. */
export function createApplier(db: DatabaseSync): Applier {
  const puts = preparePuts(db);
  const deletes = prepareDeletes(db);
  return (events) => {
    const change: AppliedChange = {
      tags: [],
      manifests: [],
      content: [],
      repositories: [],
      auth: [],
      regions: false,
      defaults: false,
    };
    for (const { kind, kv } of events) {
      const key = parseKey(kv.key);
      if (key === undefined) continue;
      if (kind === 'put') puts(key, kv, change.content);
      else deletes(key, change.content);
      note(key, change);
    }
    return change;
  };
}

const RANK: Record<ReferenceRole, number> = { manifest: 0, config: 1, layer: 2, blob: 2 };

/** `content` takes the digests of all that the key's manifest owned before and owns now, and its own; that alone where they are the same. */
function preparePuts(db: DatabaseSync): (key: ParsedKey, kv: KeyValue, content: Digest[]) => void {
  const meta = createMeta(db);
  const repository = db.prepare(
    'INSERT OR REPLACE INTO repositories (name, state, record, regions) VALUES (?, ?, ?, ?)',
  );
  const known = db.prepare('SELECT id, record FROM manifests WHERE repository = ? AND digest = ?');
  const pushedAgain = db.prepare('UPDATE manifests SET record = ? WHERE id = ?');
  const manifest = db.prepare(`
    INSERT INTO manifests (repository, digest, size, subject, artifact_type, record) VALUES (?, ?, ?, ?, ?, ?)
    ON CONFLICT (repository, digest) DO UPDATE SET
      size = excluded.size, subject = excluded.subject, artifact_type = excluded.artifact_type, record = excluded.record
    RETURNING id`);
  const forget = db.prepare('DELETE FROM content WHERE manifest = ? RETURNING digest');
  const own = db.prepare(
    'INSERT INTO content (manifest, digest, repository, rank, size) VALUES (?, ?, ?, ?, ?)',
  );
  const disown = db.prepare('DELETE FROM unowned WHERE repository = ? AND named_by = ?');
  const unowned = db.prepare(
    'INSERT INTO unowned (repository, digest, named_by, is_manifest, size) VALUES (?, ?, ?, ?, ?)',
  );
  const tag = db.prepare(
    'INSERT OR REPLACE INTO tags (repository, tag, digest, media_type, size, mod_revision) VALUES (?, ?, ?, ?, ?, ?)',
  );
  const region = db.prepare('INSERT OR REPLACE INTO regions (name, record) VALUES (?, ?)');
  const defaults = db.prepare('INSERT OR REPLACE INTO defaults (id, record) VALUES (0, ?)');
  const auth = db.prepare(
    'INSERT OR REPLACE INTO auth (kind, name, record, mod_revision) VALUES (?, ?, ?, ?)',
  );
  const epoch = db.prepare('INSERT OR REPLACE INTO epochs (region, epoch) VALUES (?, ?)');

  return (key, { key: path, value, modRevision }, content) => {
    switch (key.kind) {
      case 'schema':
        meta.setCatalogId(schemaRecord.decode(value, path).catalogId);
        return;
      case 'head':
        meta.setHead(modRevision, headRecord.decode(value, path).id);
        return;
      case 'defaults':
        defaultsRecord.decode(value, path);
        return void defaults.run(value);
      case 'repository': {
        const { state, regions } = repositoryRecord.decode(value, path);
        return void repository.run(key.repository, state, value, regions ? JSON.stringify(regions) : null);
      }
      case 'manifest': {
        const { size, subject, artifactType, references } = manifestRecord.decode(value, path);
        const { repository } = key;
        content.push(key.digest);
        const before = known.get(repository, key.digest) as { id: number; record: Uint8Array } | undefined;
        if (before !== undefined && isPushedAgain(before.record, value)) {
          // As with each new tag of it: what it names is what it was.
          return void pushedAgain.run(value, before.id);
        }
        const row = manifest.get(repository, key.digest, size, subject ?? null, artifactType ?? null, value);
        const { id } = row as { id: number };
        content.push(...digestsOf(forget.all(id)));
        disown.run(repository, key.digest);
        for (const { digest, size, role, owned, mediaType } of references) {
          if (owned) {
            own.run(id, digest, repository, RANK[role], size);
            content.push(digest);
          } else if (!isForeignLayer(mediaType)) {
            unowned.run(repository, digest, key.digest, role === 'manifest' ? 1 : 0, size);
          }
        }
        return;
      }
      case 'tag': {
        const { digest, mediaType, size } = tagRecord.decode(value, path);
        return void tag.run(key.repository, key.tag, digest, mediaType, size, modRevision);
      }
      case 'region':
        regionRecord.decode(value, path);
        return void region.run(key.region, value);
      case 'gc':
        return void epoch.run(key.region, gcRecord.decode(value, path).epoch);
      case 'auth':
        authRecords[key.record].decode(value, path);
        return void auth.run(key.record, key.name, value, modRevision);
      case 'auth-state':
        authStateRecord.decode(value, path);
        return void auth.run(AUTH_STATE, '', value, modRevision);
      case 'removals':
      case 'live':
      case 'receipt':
        return;
    }
  };
}

function prepareDeletes(db: DatabaseSync): (key: ParsedKey, content: Digest[]) => void {
  const repository = db.prepare('DELETE FROM repositories WHERE name = ?');
  const manifest = db.prepare('DELETE FROM manifests WHERE repository = ? AND digest = ?');
  const disown = db.prepare(
    'DELETE FROM content WHERE manifest = (SELECT id FROM manifests WHERE repository = ? AND digest = ?) RETURNING digest',
  );
  const unowned = db.prepare('DELETE FROM unowned WHERE repository = ? AND named_by = ?');
  const tag = db.prepare('DELETE FROM tags WHERE repository = ? AND tag = ?');
  const region = db.prepare('DELETE FROM regions WHERE name = ?');
  const defaults = db.prepare('DELETE FROM defaults');
  const epoch = db.prepare('DELETE FROM epochs WHERE region = ?');
  const auth = db.prepare('DELETE FROM auth WHERE kind = ? AND name = ?');

  return (key, content) => {
    switch (key.kind) {
      case 'defaults':
        return void defaults.run();
      case 'repository':
        return void repository.run(key.repository);
      case 'manifest':
        content.push(key.digest, ...digestsOf(disown.all(key.repository, key.digest)));
        unowned.run(key.repository, key.digest);
        return void manifest.run(key.repository, key.digest);
      case 'tag':
        return void tag.run(key.repository, key.tag);
      case 'region':
        return void region.run(key.region);
      case 'gc':
        return void epoch.run(key.region);
      case 'auth':
        return void auth.run(key.record, key.name);
      case 'auth-state':
        return void auth.run(AUTH_STATE, '');
      case 'schema':
      case 'head':
      case 'removals':
      case 'live':
      case 'receipt':
        return;
    }
  };
}

function digestsOf(rows: readonly Record<string, unknown>[]): Digest[] {
  return rows.map((row) => row['digest'] as Digest);
}

function note(key: ParsedKey, change: AppliedChange): void {
  if (key.kind === 'tag') change.tags.push({ repository: key.repository, tag: key.tag });
  else if (key.kind === 'manifest') change.manifests.push({ repository: key.repository, digest: key.digest });
  else if (key.kind === 'repository' || key.kind === 'removals') change.repositories.push(key.repository);
  else if (key.kind === 'auth') change.auth.push({ kind: key.record, name: key.name });
  else if (key.kind === 'auth-state') change.auth.push({ kind: AUTH_STATE, name: '' });
  else if (key.kind === 'region') change.regions = true;
  else if (key.kind === 'defaults') change.defaults = true;
}
