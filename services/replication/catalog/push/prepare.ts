import { prefixEnd } from '#libs/etcd/prefix.ts';
import type { KeyValue, KeyValueStore } from '#libs/etcd/store.ts';
import type { Digest } from '#libs/oci/digest.ts';
import { RegistryError } from '#libs/oci/errors.ts';
import type { Tag } from '#libs/oci/tag.ts';
import { lagging } from '../barrier.ts';
import { effectiveSettings, type EffectiveSettings } from '../configure/effective.ts';
import { positionOfHead } from '../head.ts';
import {
  DEFAULTS_KEY,
  HEAD_KEY,
  manifestKey,
  REGION_PREFIX,
  removalsKey,
  repositoryKey,
  tagKey,
} from '../keys.ts';
import {
  defaultsRecord,
  regionRecord,
  repositoryRecord,
  tagRecord,
  type RegionRecord,
  type RepositoryRecord,
} from '../records.ts';
import { keysAt, readKey } from '../transact.ts';
import { reachedWithin } from '../view/reached.ts';
import type { ViewState } from '../view/view.ts';
import { checkCondition, checkKept, type Push } from './request.ts';

/** A key as it was read: its mod revision must be the same at commit. */
export interface ReadKey {
  readonly key: string;
  readonly modRevision: number;
}

/** The state of the catalog that a push builds on. */
export interface Prepared {
  readonly catalogId: string;
  /** There is no such repository yet. */
  readonly isNew: boolean;
  readonly settings: EffectiveSettings;
  readonly regions: readonly (RegionRecord & { readonly name: string })[];
  /** What must not have changed when the push commits. */
  readonly unchanged: readonly ReadKey[];
}

/** What is read for. */
export type Target = Pick<Push, 'repository' | 'tags' | 'digest' | 'condition' | 'mayRetag'>;

/**
 * Reads what a push depends on in one linearizable transaction, checks it, and waits for the view to be as new. Throws PRECONDITION_FAILED,
 * CONFLICT for a repository that is being deleted, UNAVAILABLE.
 */
export async function prepare(
  { etcd, view, viewTimeoutMs }: { etcd: KeyValueStore; view: ViewState; viewTimeoutMs: number },
  push: Target,
  signal: AbortSignal,
): Promise<Prepared> {
  const kept = keptTagsOf(push).map((tag) => tagKey(push.repository, tag));
  const basics = [repositoryKey(push.repository), removalsKey(push.repository), DEFAULTS_KEY];
  const keys = [...new Set([...basics, ...conditionKeyOf(push), ...kept])];
  const answer = await etcd.txn(
    {
      then: [
        readKey(HEAD_KEY),
        { kind: 'range', key: REGION_PREFIX, rangeEnd: prefixEnd(REGION_PREFIX) },
        ...keys.map(readKey),
      ],
    },
    signal,
  );
  const position = positionOfHead(keysAt(answer, 0)[0]);
  const regions = keysAt(answer, 1);
  const found = new Map(keys.map((key, index) => [key, keysAt(answer, 2 + index)[0]]));
  const [repository, , defaults] = basics.map((key) => found.get(key));

  const record = readRepository(push, repository);
  for (const key of conditionKeyOf(push)) checkCurrent(push, found.get(key));
  for (const tag of keptTagsOf(push)) checkKept(push, tag, digestOf(found.get(tagKey(push.repository, tag))));

  if (!(await reachedWithin(view, position, viewTimeoutMs, signal))) {
    throw lagging(position.revision, view.position().revision);
  }
  return {
    catalogId: position.catalogId,
    isNew: record === undefined,
    settings: effectiveSettings(record, defaults && defaultsRecord.decode(defaults.value, DEFAULTS_KEY)),
    regions: regions.map(({ key, value }) => ({
      name: key.slice(REGION_PREFIX.length),
      ...regionRecord.decode(value, key),
    })),
    unchanged: [
      ...regions.map(({ key, modRevision }) => ({ key, modRevision })),
      ...keys.map((key) => ({ key, modRevision: found.get(key)?.modRevision ?? 0 })),
    ],
  };
}

function conditionKeyOf({ repository, tags, digest, condition }: Target): string[] {
  if (condition.ifMatch === '' && condition.ifNoneMatch === '') return [];
  const [tag] = tags;
  return [tag === undefined ? manifestKey(repository, digest) : tagKey(repository, tag)];
}

/** The tags that must be absent or this manifest's already, also when the push commits. */
function keptTagsOf({ tags, mayRetag }: Target): readonly Tag[] {
  return mayRetag ? [] : tags;
}

function digestOf(tag: KeyValue | undefined): Digest | undefined {
  return tag && tagRecord.decode(tag.value, tag.key).digest;
}

function checkCurrent({ tags, digest, condition }: Target, kv: KeyValue | undefined): void {
  const [tag] = tags;
  let current: Digest | undefined;
  if (kv !== undefined) current = tag === undefined ? digest : digestOf(kv);
  checkCondition(condition, current, tag === undefined ? `The manifest ${digest}` : `The tag ${tag}`);
}

function readRepository({ repository }: Target, kv: KeyValue | undefined): RepositoryRecord | undefined {
  if (kv === undefined) return undefined;
  const record = repositoryRecord.decode(kv.value, kv.key);
  if (record.state === 'active') return record;
  const message = `The repository ${repository} is being deleted; push again once that is done.`;
  throw new RegistryError('CONFLICT', message, { retryAfterSeconds: 5 });
}
