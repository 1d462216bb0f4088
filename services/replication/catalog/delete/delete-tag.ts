import { RegistryError } from '#libs/oci/errors.ts';
import { parseRepositoryName, type RepositoryName } from '#libs/oci/name.ts';
import { parseTag, type Tag } from '#libs/oci/tag.ts';
import type { OnRegionEvent } from '#libs/region-event.ts';
import type { Catalog } from '#libs/rpc/contracts.ts';
import { HEAD_KEY, tagKey } from '../keys.ts';
import { checkCondition, parseMatch } from '../push/request.ts';
import { headRecord, tagRecord } from '../records.ts';
import { keysAt, readKey } from '../transact.ts';
import { reachedWithin } from '../view/reached.ts';
import type { View, ViewPosition } from '../view/view.ts';
import { removeAsRead, type RemoveOptions } from './remove-as-read.ts';

/** How often a deletion tries again because what it removes has changed meanwhile. */
export const MAX_DELETE_ATTEMPTS = 5;

export interface DeleteOptions extends RemoveOptions {
  readonly view: View;
  readonly onEvent: OnRegionEvent;
}

/** `Catalog.DeleteTag`: removes the tag as it was read, so that a tag set meanwhile is not lost unseen. */
export function createDeleteTag(options: DeleteOptions): Catalog['deleteTag'] {
  const { view, settings, onEvent } = options;
  return async (request, { signal }) => {
    const repository = parseRepositoryName(request.repository);
    const tag = parseTag(request.tag);
    const ifMatch = parseMatch(request.ifMatch);
    const position = await removeTag(options, repository, tag, ifMatch, signal);
    onEvent({ kind: 'delete', repository, reference: tag });
    await reachedWithin(view, position, settings.ownWriteTimeoutMs, signal);
    return { position: { ...position, stalenessMs: 0 } };
  };
}

async function removeTag(
  options: DeleteOptions,
  repository: RepositoryName,
  tag: Tag,
  ifMatch: ReturnType<typeof parseMatch>,
  signal: AbortSignal,
): Promise<ViewPosition> {
  const { etcd } = options;
  const key = tagKey(repository, tag);
  for (let attempt = 0; attempt < MAX_DELETE_ATTEMPTS; attempt++) {
    const read = await etcd.txn({ then: [readKey(HEAD_KEY), readKey(key)] }, signal);
    const [head] = keysAt(read, 0);
    const [current] = keysAt(read, 1);
    if (head === undefined || current === undefined) throw unknownTag(repository, tag);
    const { digest } = tagRecord.decode(current.value, key);
    checkCondition({ ifMatch, ifNoneMatch: '' }, digest, `The tag ${tag}`);

    const { catalogId } = headRecord.decode(head.value, HEAD_KEY);
    const rows = [{ key, modRevision: current.modRevision }];
    const revision = await removeAsRead(options, { repository, digest, catalogId, rows }, signal);
    if (revision !== undefined) return { catalogId, revision };
  }
  throw changed(`The tag ${tag}`);
}

/** For deletions that lost against others, also when they may have won before that. */
export function changed(what: string): RegistryError {
  const message = `${what} was set by others while it was being deleted; look at what it is now, and delete it again if that is still right.`;
  return new RegistryError('CONFLICT', message);
}

function unknownTag(repository: RepositoryName, tag: Tag): RegistryError {
  return new RegistryError('MANIFEST_UNKNOWN', `The repository ${repository} has no tag ${tag}.`);
}
