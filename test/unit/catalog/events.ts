import type { WatchEvent } from '#libs/etcd/store.ts';
import type { Digest } from '#libs/oci/digest.ts';
import type { RepositoryName } from '#libs/oci/name.ts';
import { parseTag } from '#libs/oci/tag.ts';
import {
  HEAD_KEY,
  manifestKey,
  repositoryKey,
  SCHEMA_KEY,
  tagKey,
} from '#services/replication/catalog/keys.ts';
import {
  manifestRecord,
  type ManifestRecord,
  type RecordedReference,
} from '#services/replication/catalog/manifest-record.ts';
import {
  headRecord,
  repositoryRecord,
  schemaRecord,
  tagRecord,
} from '#services/replication/catalog/records.ts';

/*
 * Events as etcd's watch brings them.
 */

export function putEvent(key: string, value: Buffer, modRevision: number): WatchEvent {
  return {
    kind: 'put',
    kv: { key, value, createRevision: modRevision, modRevision, version: 1, lease: '0' },
  };
}

export function deleteEvent(key: string, modRevision: number): WatchEvent {
  const kv = { key, value: Buffer.alloc(0), createRevision: 0, modRevision, version: 0, lease: '0' };
  return { kind: 'delete', kv };
}

export function schemaEvent(catalogId: string, revision: number): WatchEvent {
  return putEvent(SCHEMA_KEY, schemaRecord.encode({ format: 1, catalogId }), revision);
}

export function headEvent(revision: number, catalogId = 'c'): WatchEvent {
  return putEvent(HEAD_KEY, headRecord.encode({ catalogId, id: `head ${revision}` }), revision);
}

export function repositoryEvent(repository: RepositoryName, revision: number): WatchEvent {
  const record = repositoryRecord.encode({ incarnation: 'i', state: 'active', reads: 'bounded' });
  return putEvent(repositoryKey(repository), record, revision);
}

export function manifestEvent(
  repository: RepositoryName,
  digest: Digest,
  references: readonly RecordedReference[],
  revision: number,
  size = 100,
  more: Partial<ManifestRecord> = {},
): WatchEvent {
  const record = manifestRecord.encode({
    mediaType: 'application/manifest',
    size,
    kind: 'image',
    references,
    pushedAtMs: 0,
    pushedBy: '',
    where: 'us',
    ...more,
  });
  return putEvent(manifestKey(repository, digest), record, revision);
}

export function tagEvent(
  repository: RepositoryName,
  tag: string,
  digest: Digest,
  revision: number,
): WatchEvent {
  const record = tagRecord.encode({
    digest,
    mediaType: 'application/manifest',
    size: 100,
    pushedAtMs: 0,
    pushedBy: '',
  });
  return putEvent(tagKey(repository, parseTag(tag)), record, revision);
}
