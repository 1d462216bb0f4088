import { parseDigest, type Digest } from '#libs/oci/digest.ts';
import { RegistryError } from '#libs/oci/errors.ts';
import { parseRepositoryName, type RepositoryName } from '#libs/oci/name.ts';
import type { Catalog } from '#libs/rpc/contracts.ts';
import { lagging } from '../barrier.ts';
import type { Clock } from '../collaborators.ts';
import { HEAD_KEY, manifestKey, removalsKey, tagKey } from '../keys.ts';
import { checkCondition, parseMatch, type Condition } from '../push/request.ts';
import { headRecord, removalsRecord } from '../records.ts';
import { keysAt, readKey } from '../transact.ts';
import { reachedWithin } from '../view/reached.ts';
import { changed, MAX_DELETE_ATTEMPTS, type DeleteOptions } from './delete-tag.ts';
import { removeAsRead } from './remove-as-read.ts';

/** A transaction takes 100 keys; the head and the receipt are among them. */
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
    const position = await remove(options, target, parseMatch(request.ifMatch), signal);
    onEvent({ kind: 'delete', repository: target.repository, reference: target.digest });
    await reachedWithin(view, position, settings.ownWriteTimeoutMs, signal);
    return { position: { ...position, stalenessMs: 0 } };
  };
}

async function remove(
  options: Options,
  target: Target,
  ifMatch: Condition['ifMatch'],
  signal: AbortSignal,
): Promise<Revision> {
  const { etcd, view, settings } = options;
  const key = manifestKey(target.repository, target.digest);
  for (let attempt = 0; attempt < MAX_DELETE_ATTEMPTS; attempt++) {
    const read = await etcd.txn({ then: [readKey(HEAD_KEY), readKey(key)] }, signal);
    const [head] = keysAt(read, 0);
    const [manifest] = keysAt(read, 1);
    if (head === undefined) throw unknownManifest(target);
    const { catalogId } = headRecord.decode(head.value, HEAD_KEY);
    const at = { catalogId, revision: head.modRevision };
    if (manifest === undefined) throw unknownManifest(target);
    checkCondition({ ifMatch, ifNoneMatch: '' }, target.digest, `The manifest ${target.digest}`);
    if (!(await reachedWithin(view, at, settings.barrierTimeoutMs, signal))) {
      throw lagging(at.revision, view.position().revision);
    }
    if (!(await removeTags(options, target, catalogId, signal))) continue;
    const revision = await removeRecord(options, target, catalogId, manifest.modRevision, signal);
    if (revision !== undefined) return { catalogId, revision };
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
    const rows = tags
      .slice(start, start + TAGS_PER_BATCH)
      .map(({ tag, modRevision }) => ({ key: tagKey(repository, tag), modRevision }));
    const removed = await removeAsRead(options, { repository, digest, catalogId, rows }, signal);
    if (removed === undefined) return false;
  }
  return true;
}

/** The revision; undefined if the manifest was pushed again, or one of its tags was set, or another has removed it meanwhile. */
function removeRecord(
  options: Options,
  { repository, digest }: Target,
  catalogId: string,
  modRevision: number,
  signal: AbortSignal,
): Promise<number | undefined> {
  const value = removalsRecord.encode({ digest, removedAtMs: options.clock.nowMs() });
  const removal = {
    repository,
    digest,
    catalogId,
    rows: [{ key: manifestKey(repository, digest), modRevision }],
    puts: [{ kind: 'put', key: removalsKey(repository), value } as const],
  };
  return removeAsRead(options, removal, signal);
}

function unknownManifest({ repository, digest }: Target): RegistryError {
  return new RegistryError('MANIFEST_UNKNOWN', `The repository ${repository} has no manifest ${digest}.`);
}
