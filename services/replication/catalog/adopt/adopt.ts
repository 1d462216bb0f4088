import { randomUUID } from 'node:crypto';
import type { KeyValue, KeyValueStore } from '#libs/etcd/store.ts';
import type { Digest } from '#libs/oci/digest.ts';
import type { RepositoryName } from '#libs/oci/name.ts';
import { withSpan } from '#libs/telemetry/trace.ts';
import type { Content, Holder, PinFinder } from '../collaborators.ts';
import { HEAD_KEY, manifestKey } from '../keys.ts';
import { manifestRecord, type ManifestRecord } from '../manifest-record.ts';
import { areCollecting, areUnchanged } from '../push/commit.ts';
import { holdContent, whereToHold } from '../push/hold.ts';
import { findNamed } from '../push/ownership.ts';
import { prepare } from '../push/prepare.ts';
import type { Prepared } from '../push/prepared.ts';
import { headRecord } from '../records.ts';
import type { CatalogSettings } from '../settings.ts';
import type { View } from '../view/view.ts';

export interface AdoptOptions {
  readonly etcd: KeyValueStore;
  readonly view: View;
  readonly pins: PinFinder;
  readonly holder: Holder;
  /** This region's name. */
  readonly region: string;
  readonly settings: CatalogSettings;
}

/** A manifest of a repository. */
export interface NamingManifest {
  readonly repository: RepositoryName;
  readonly digest: Digest;
}

/** How often a manifest is looked at anew because something changed meanwhile; after that it waits for the next sweep. */
const MAX_ATTEMPTS = 3;

/**
 * Has a manifest own what it names and its repository has got since it was pushed, of the size named: held in as many regions as a push of it
 * would be, then by a transaction that puts the manifest's record again. Doing it twice, or in several regions at once, does no harm. Throws
 * UNAVAILABLE where that can't be had now.
 */
export async function adopt(
  options: AdoptOptions,
  manifest: NamingManifest,
  signal: AbortSignal,
): Promise<void> {
  await withSpan('catalog.adopt', {}, async () => {
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      if (await attemptToAdopt(options, manifest, signal)) return;
    }
  });
}

/** False if something changed meanwhile. */
async function attemptToAdopt(
  options: AdoptOptions,
  { repository, digest }: NamingManifest,
  signal: AbortSignal,
): Promise<boolean> {
  const { etcd, view, settings } = options;
  if (view.unownedBy(repository, digest).length === 0) return true;
  const condition = { ifMatch: '', ifNoneMatch: '' } as const;
  const target = { repository, digest, tags: [], condition, mayRetag: true };
  const prepared = await prepare({ etcd, view, viewTimeoutMs: settings.barrierTimeoutMs }, target, signal);
  const had = await findHad(options, { repository, digest }, signal);
  if (had.size === 0) return true;

  const limits = { ...settings, holdTimeoutMs: settings.adoptTimeoutMs };
  const push = { id: randomUUID(), repository };
  const content = contentOf(view, repository, had);
  const epochs = await holdContent(
    { ...options, settings: limits },
    push,
    { blobs: content },
    whereToHold(options.region, repository, prepared),
    signal,
  );
  const key = manifestKey(repository, digest);
  const [parent] = (await etcd.range({ key }, signal)).kvs;
  if (parent === undefined) return true;
  return put(
    etcd,
    parent,
    withOwned(manifestRecord.decode(parent.value, key), had),
    prepared,
    epochs,
    signal,
  );
}

/** What the manifest names without owning it, although the repository has it by now; true for manifests. */
async function findHad(
  options: AdoptOptions,
  { repository, digest }: NamingManifest,
  signal: AbortSignal,
): Promise<ReadonlyMap<Digest, { readonly size: number; readonly isManifest: boolean }>> {
  const named = options.view.unownedBy(repository, digest);
  const { sizes } = await findNamed(options, repository, named, signal);
  return new Map(
    named
      .filter(({ digest, size }) => sizes.get(digest) === size)
      .map(({ digest, size, isManifest }) => [digest, { size, isManifest }]),
  );
}

/** All that must be on disk; of manifests also what they own. */
function contentOf(
  view: View,
  repository: RepositoryName,
  had: ReadonlyMap<Digest, { readonly size: number; readonly isManifest: boolean }>,
): Content[] {
  const content = new Map<Digest, Content>();
  for (const [digest, { size }] of had) content.set(digest, { digest, size });
  const children = [...had].filter(([, { isManifest }]) => isManifest).map(([digest]) => digest);
  for (const blob of view.closure(repository, children)) content.set(blob.digest, blob);
  return [...content.values()];
}

function withOwned(
  record: ManifestRecord,
  had: ReadonlyMap<Digest, { readonly size: number }>,
): ManifestRecord {
  return {
    ...record,
    references: record.references.map((reference) =>
      had.get(reference.digest)?.size === reference.size ? { ...reference, owned: true } : reference,
    ),
  };
}

/** A lost answer is left to the next look: the same transaction has no second effect. */
async function put(
  etcd: KeyValueStore,
  { key, modRevision }: KeyValue,
  record: ManifestRecord,
  { catalogId, unchanged }: Prepared,
  epochs: ReadonlyMap<string, number>,
  signal: AbortSignal,
): Promise<boolean> {
  const head = headRecord.encode({ catalogId, id: randomUUID() });
  const { succeeded } = await etcd.txn(
    {
      compare: [...areUnchanged([...unchanged, { key, modRevision }]), ...areCollecting(epochs)],
      then: [
        { kind: 'put', key, value: manifestRecord.encode(record) },
        { kind: 'put', key: HEAD_KEY, value: head },
      ],
    },
    signal,
  );
  return succeeded;
}
