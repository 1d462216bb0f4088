import { prefixEnd } from '#libs/etcd/prefix.ts';
import type { KeyValueStore } from '#libs/etcd/store.ts';
import { RegistryError } from '#libs/oci/errors.ts';
import { lagging } from '../barrier.ts';
import { effectiveSettings } from '../configure/effective.ts';
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
import { defaultsRecord, regionRecord, repositoryRecord, tagRecord } from '../records.ts';
import { keysAt, readKey } from '../transact.ts';
import { reachedWithin } from '../view/reached.ts';
import type { ViewState } from '../view/view.ts';
import { checkTarget, decidingTags, manifestDecides, type Target } from './check-target.ts';
import type { Prepared } from './prepared.ts';

/**
 * Reads what a push depends on in one linearizable transaction, checks it, and waits for the view to be as new. Throws as `checkTarget` does,
 * and UNAVAILABLE.
 */
export async function prepare(
  { etcd, view, viewTimeoutMs }: { etcd: KeyValueStore; view: ViewState; viewTimeoutMs: number },
  target: Target,
  signal: AbortSignal,
): Promise<Prepared> {
  const { repository, digest } = target;
  const own = repositoryKey(repository);
  const manifests = manifestDecides(target) ? [manifestKey(repository, digest)] : [];
  const tags = decidingTags(target).map((tag) => tagKey(repository, tag));
  const keys = [own, removalsKey(repository), DEFAULTS_KEY, ...manifests, ...tags];
  const before = view.position();
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
  if (before.catalogId === position.catalogId && before.revision > position.revision) throw restored();
  const regions = keysAt(answer, 1);
  const found = new Map(keys.map((key, index) => [key, keysAt(answer, 2 + index)[0]]));
  /** What the key's record says, undefined where there is none. */
  const read = <T>(record: { decode(value: Uint8Array, key: string): T }, key: string): T | undefined => {
    const kv = found.get(key);
    return kv && record.decode(kv.value, key);
  };

  const record = read(repositoryRecord, own);
  checkTarget(target, {
    repository: record,
    digestOf: (tag) => read(tagRecord, tagKey(repository, tag))?.digest,
    hasManifest: () => found.get(manifestKey(repository, digest)) !== undefined,
  });
  if (!(await reachedWithin(view, position, viewTimeoutMs, signal))) {
    throw lagging(position.revision, view.position().revision);
  }
  return {
    catalogId: position.catalogId,
    isNew: record === undefined,
    settings: effectiveSettings(record, read(defaultsRecord, DEFAULTS_KEY)),
    regions: regions.map(({ key, value }) => ({
      name: key.slice(REGION_PREFIX.length),
      ...regionRecord.decode(value, key),
    })),
    unchanged: [
      ...regions.map(({ key, modRevision }) => ({ key, modRevision })),
      ...keys.map((key) => ({ key, modRevision: found.get(key)?.modRevision ?? 0 })),
    ],
    notNewer: [],
  };
}

/** The view, which says who owns what, is of a history that is no more. */
function restored(): RegistryError {
  const message =
    "etcd is older than this region's copy of the catalog, as it is after a restore; the copy is made anew. Try again.";
  return new RegistryError('UNAVAILABLE', message, { retryAfterSeconds: 1 });
}
