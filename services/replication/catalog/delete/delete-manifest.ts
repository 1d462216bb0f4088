import { randomUUID } from 'node:crypto';
import type { Compare, Operation } from '#libs/etcd/store.ts';
import { parseDigest, type Digest } from '#libs/oci/digest.ts';
import { RegistryError } from '#libs/oci/errors.ts';
import { parseRepositoryName, type RepositoryName } from '#libs/oci/name.ts';
import type { Catalog } from '#libs/rpc/contracts.ts';
import { lagging } from '../barrier.ts';
import type { Clock } from '../collaborators.ts';
import { HEAD_KEY, manifestKey, removalsKey, tagKey } from '../keys.ts';
import { headRecord, removalsRecord } from '../records.ts';
import { keysAt, readKey, transact, type Transacted } from '../transact.ts';
import { reachedWithin } from '../view/reached.ts';
import { changed, MAX_DELETE_ATTEMPTS, type DeleteOptions } from './delete-tag.ts';

/** A transaction takes 100 keys; the head is one of them. */
const TAGS_PER_BATCH = 90;

type Options = DeleteOptions & { readonly clock: Clock };

interface Target {
  readonly repository: RepositoryName;
  readonly digest: Digest;
}

interface Revision {
  readonly catalogId: string;
  readonly revision: number;
}

/**
 * `Catalog.DeleteManifest`: the tags that point to it first, each as it was read, then the manifest as it was read: setting a tag puts the
 * manifest's record again, so no tag is left pointing to nothing. Interrupted midway it can be repeated.
 */
export function createDeleteManifest(options: Options): Catalog['deleteManifest'] {
  const { view, settings, onEvent } = options;
  return async (request, { signal }) => {
    const target = {
      repository: parseRepositoryName(request.repository),
      digest: parseDigest(request.digest),
    };
    const position = await remove(options, target, signal);
    onEvent({ kind: 'delete', repository: target.repository, reference: target.digest });
    await reachedWithin(view, position, settings.ownWriteTimeoutMs, signal);
    return { position: { ...position, stalenessMs: 0 } };
  };
}

async function remove(options: Options, target: Target, signal: AbortSignal): Promise<Revision> {
  const { etcd, view, settings } = options;
  const key = manifestKey(target.repository, target.digest);
  /** Set once a transaction may have removed the manifest although no answer came. */
  let uncertain = false;
  for (let attempt = 0; attempt < MAX_DELETE_ATTEMPTS; attempt++) {
    const read = await etcd.txn({ then: [readKey(HEAD_KEY), readKey(key)] }, signal);
    const [head] = keysAt(read, 0);
    const [manifest] = keysAt(read, 1);
    if (head === undefined) throw unknownManifest(target);
    const { catalogId } = headRecord.decode(head.value, HEAD_KEY);
    const at = { catalogId, revision: head.modRevision };
    if (manifest === undefined) {
      if (uncertain) return at;
      throw unknownManifest(target);
    }
    if (!(await reachedWithin(view, at, settings.barrierTimeoutMs, signal))) {
      throw lagging(at.revision, view.position().revision);
    }
    if (!(await removeTags(options, target, catalogId, signal))) continue;
    const removed = await removeRecord(options, target, catalogId, manifest.modRevision, signal);
    if (removed.succeeded) return { catalogId, revision: removed.revision };
    uncertain ||= removed.uncertain;
  }
  throw changed(`The manifest ${target.digest}`);
}

/** False if one of the tags was set again meanwhile. */
async function removeTags(
  options: Options,
  { repository, digest }: Target,
  catalogId: string,
  signal: AbortSignal,
): Promise<boolean> {
  const tags = options.view.tagsOf(repository, digest);
  for (let start = 0; start < tags.length; start += TAGS_PER_BATCH) {
    const batch = tags
      .slice(start, start + TAGS_PER_BATCH)
      .map(({ tag, modRevision }) => ({ key: tagKey(repository, tag), modRevision }));
    const { succeeded } = await send(
      options,
      batch.map(({ key, modRevision }) => ({ key, target: 'mod', op: '=', value: modRevision })),
      batch.map(({ key }) => ({ kind: 'delete', key })),
      catalogId,
      signal,
    );
    if (!succeeded) return false;
  }
  return true;
}

async function removeRecord(
  options: Options,
  { repository, digest }: Target,
  catalogId: string,
  modRevision: number,
  signal: AbortSignal,
): Promise<Transacted> {
  const key = manifestKey(repository, digest);
  const removals = removalsRecord.encode({ digest, removedAtMs: options.clock.nowMs() });
  return send(
    options,
    [{ key, target: 'mod', op: '=', value: modRevision }],
    [
      { kind: 'delete', key },
      { kind: 'put', key: removalsKey(repository), value: removals },
    ],
    catalogId,
    signal,
  );
}

function send(
  { etcd, settings }: Options,
  compare: Compare[],
  writes: Operation[],
  catalogId: string,
  signal: AbortSignal,
): Promise<Transacted> {
  const head: Operation = {
    kind: 'put',
    key: HEAD_KEY,
    value: headRecord.encode({ catalogId, id: randomUUID() }),
  };
  const options = { what: 'The deletion', timeoutMs: settings.commitTimeoutMs };
  return transact(etcd, { compare, then: [...writes, head] }, options, signal);
}

function unknownManifest({ repository, digest }: Target): RegistryError {
  return new RegistryError('MANIFEST_UNKNOWN', `The repository ${repository} has no manifest ${digest}.`);
}
