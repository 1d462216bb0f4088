import { prefixEnd } from '#libs/etcd/prefix.ts';
import type { Compare } from '#libs/etcd/store.ts';
import { effectiveSettings } from '../configure/effective.ts';
import {
  DEFAULTS_KEY,
  manifestKey,
  REGION_PREFIX,
  regionKey,
  removalsKey,
  repositoryKey,
  SCHEMA_KEY,
  tagKey,
} from '../keys.ts';
import { CATALOG_FORMAT } from '../bootstrap.ts';
import { schemaRecord } from '../records.ts';
import { notOlderThan, notPutSince } from '../transact.ts';
import type { View } from '../view/view.ts';
import { checkTarget, decidingTags, manifestDecides, type Target } from './check-target.ts';
import type { Prepared } from './prepared.ts';

/**
 * What a push depends on as the view has it, without asking the quorum: that nothing of it is newer is for the committing transaction to
 * compare, so it fails, and does no harm, where the view is late. Throws as `checkTarget` does; of what throws only a read of the catalog can say
 * whether it still holds.
 */
export function assume(view: View, target: Target): Prepared {
  const { repository, digest } = target;
  const { catalogId, revision } = view.position();
  const record = view.repository(repository);
  const defaults = view.defaults();
  const regions = view.regions();
  checkTarget(target, {
    repository: record,
    digestOf: (tag) => view.tag(repository, tag)?.digest,
    hasManifest: () => view.manifestSize(repository, digest) !== undefined,
  });

  const isThere = (key: string): Compare => ({ key, target: 'mod', op: '>', value: 0 });
  return {
    catalogId,
    isNew: record === undefined,
    settings: effectiveSettings(record, defaults),
    regions,
    unchanged: decidingTags(target).map((tag) => ({
      key: tagKey(repository, tag),
      modRevision: view.tag(repository, tag)?.modRevision ?? 0,
    })),
    notNewer: [
      // An etcd that was exchanged holds another catalog, one that was restored may be older than the view.
      {
        key: SCHEMA_KEY,
        target: 'value',
        op: '=',
        value: schemaRecord.encode({ format: CATALOG_FORMAT, catalogId }),
      },
      notOlderThan(revision),
      // Each removal of a manifest puts it.
      notPutSince(revision, removalsKey(repository)),
      notPutSince(revision, repositoryKey(repository)),
      ...(record === undefined ? [] : [isThere(repositoryKey(repository))]),
      notPutSince(revision, DEFAULTS_KEY),
      ...(defaults === undefined ? [] : [isThere(DEFAULTS_KEY)]),
      notPutSince(revision, REGION_PREFIX, prefixEnd(REGION_PREFIX)),
      ...regions.map(({ name }) => isThere(regionKey(name))),
      ...(manifestDecides(target) ? [notPutSince(revision, manifestKey(repository, digest))] : []),
    ],
  };
}
