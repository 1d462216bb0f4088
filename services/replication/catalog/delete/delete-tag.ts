import { randomUUID } from 'node:crypto';
import type { KeyValueStore } from '#libs/etcd/store.ts';
import { RegistryError } from '#libs/oci/errors.ts';
import { parseRepositoryName, type RepositoryName } from '#libs/oci/name.ts';
import { parseTag, type Tag } from '#libs/oci/tag.ts';
import type { OnRegionEvent } from '#libs/region-event.ts';
import type { Catalog } from '#libs/rpc/contracts.ts';
import { HEAD_KEY, tagKey } from '../keys.ts';
import { checkCondition, parseMatch } from '../push/request.ts';
import { headRecord, tagRecord } from '../records.ts';
import type { CatalogSettings } from '../settings.ts';
import { keysAt, readKey, transact } from '../transact.ts';
import { reachedWithin } from '../view/reached.ts';
import type { View } from '../view/view.ts';

/** How often a deletion tries again because what it removes has changed meanwhile. */
export const MAX_DELETE_ATTEMPTS = 5;

export interface DeleteOptions {
  readonly etcd: KeyValueStore;
  readonly view: View;
  readonly settings: CatalogSettings;
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
  { etcd, settings }: DeleteOptions,
  repository: RepositoryName,
  tag: Tag,
  ifMatch: ReturnType<typeof parseMatch>,
  signal: AbortSignal,
): Promise<{ catalogId: string; revision: number }> {
  const key = tagKey(repository, tag);
  for (let attempt = 0; attempt < MAX_DELETE_ATTEMPTS; attempt++) {
    const read = await etcd.txn({ then: [readKey(HEAD_KEY), readKey(key)] }, signal);
    const [head] = keysAt(read, 0);
    const [current] = keysAt(read, 1);
    if (head === undefined || current === undefined) throw unknownTag(repository, tag);
    const { digest } = tagRecord.decode(current.value, key);
    checkCondition({ ifMatch, ifNoneMatch: '' }, digest, `The tag ${tag}`);

    const { catalogId } = headRecord.decode(head.value, HEAD_KEY);
    const answer = await transact(
      etcd,
      {
        compare: [{ key, target: 'mod', op: '=', value: current.modRevision }],
        then: [
          { kind: 'delete', key },
          { kind: 'put', key: HEAD_KEY, value: headRecord.encode({ catalogId, id: randomUUID() }) },
        ],
        else: [readKey(key)],
      },
      { what: 'The deletion', timeoutMs: settings.commitTimeoutMs },
      signal,
    );
    if (answer.succeeded) return { catalogId, revision: answer.revision };
    if (answer.uncertain) {
      if (keysAt(answer, 0).length === 0) return { catalogId, revision: answer.revision };
      throw changed(`The tag ${tag}`);
    }
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
