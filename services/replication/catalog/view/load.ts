import { setImmediate } from 'node:timers/promises';
import { prefixEnd } from '#libs/etcd/prefix.ts';
import type { KeyValueStore } from '#libs/etcd/store.ts';
import { RegistryError } from '#libs/oci/errors.ts';
import { PREFIX } from '../keys.ts';
import { createApplier } from './apply.ts';
import { createDatabase, inTransaction, removeDatabase } from './database.ts';
import { createMeta } from './meta.ts';

/** Keys a page; with the largest records a page stays below etcd's and gRPC's limits for a message. */
const PAGE_KEYS = 100;

/**
 * Reads the whole catalog as it is at one revision into a new view at `path`, giving way to other work after each page. Throws
 * CompactedError when that revision is compacted midway: start again; UNAVAILABLE when etcd holds no catalog. Leaves no file behind
 * unless it succeeds.
 */
export async function loadView(etcd: KeyValueStore, path: string, signal: AbortSignal): Promise<void> {
  const db = createDatabase(path);
  try {
    const meta = createMeta(db);
    const apply = createApplier(db);
    let key = PREFIX;
    let revision: number | undefined;
    for (let more = true; more;) {
      const page = await etcd.range(
        {
          key,
          rangeEnd: prefixEnd(PREFIX),
          limit: PAGE_KEYS,
          ...(revision === undefined ? {} : { revision }),
        },
        signal,
      );
      revision ??= page.revision;
      inTransaction(db, () => apply(page.kvs.map((kv) => ({ kind: 'put', kv }))));
      key = `${page.kvs.at(-1)?.key ?? key}\0`;
      more = page.more;
      await setImmediate();
    }
    if (meta.catalogId() === '' || meta.head().revision === 0) throw noCatalog();
    meta.setApplied(revision ?? 0);
    db.close();
  } catch (error) {
    db.close();
    removeDatabase(path);
    throw error;
  }
}

function noCatalog(): RegistryError {
  return new RegistryError(
    'UNAVAILABLE',
    `etcd holds no catalog below ${PREFIX}. Is it the right etcd, and was its data restored? This region goes on with the catalog it knows.`,
    { retryAfterSeconds: 5 },
  );
}
