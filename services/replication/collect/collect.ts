import { setTimeout as pause } from 'node:timers/promises';
import type { KeyValueStore } from '#libs/etcd/store.ts';
import { failpoint } from '#libs/failpoint.ts';
import { parseDigest, type Digest } from '#libs/oci/digest.ts';
import { RegistryError } from '#libs/oci/errors.ts';
import type { Reclaim, Storage } from '#libs/rpc/contracts.ts';
import type { Barrier } from '../catalog/barrier.ts';
import { lagging } from '../catalog/barrier.ts';
import { placedHere } from '../catalog/placement.ts';
import { reachedWithin } from '../catalog/view/reached.ts';
import type { NamedView, OwnershipView, RepositoryView, ViewState } from '../catalog/view/view.ts';
import { advanceEpoch } from './advance-epoch.ts';
import { checkLineage, currentLineage } from './lineage.ts';
import type { LetGo } from './let-go.ts';
import { added, type CollectionReport } from './report.ts';
import type { CollectSettings } from './settings.ts';

export interface CollectOptions {
  readonly region: string;
  readonly etcd: KeyValueStore;
  readonly view: ViewState & NamedView & OwnershipView & RepositoryView;
  readonly barrier: Barrier;
  readonly storage: Pick<Storage, 'list'>;
  readonly reclaim: Reclaim;
  /** Of what the catalog names, but only for other regions. */
  readonly letGo: LetGo;
  readonly settings: CollectSettings;
}

/** Blobs that one Sweep may name. */
const SWEEP_BATCH = 50;
const EPOCH_TIMEOUT_MS = 30_000;

/**
 * One collection: see "Collect" in ARCHITECTURE.md. `tell` hears how far it is. `agreed`: the catalog may be another one than the last time.
 * Throws CONFLICT for a catalog that nobody has agreed to, UNAVAILABLE where the quorum can't be reached; what was not removed then stays for the next time.
 */
export async function collect(
  options: CollectOptions,
  { report, agreed }: { report: CollectionReport; agreed: boolean },
  tell: (report: CollectionReport) => void,
  signal: AbortSignal,
): Promise<void> {
  const { etcd, reclaim, barrier } = options;
  const known = await reclaim.getLineage({}, { signal });
  const current = await currentLineage(etcd, signal);
  if (!agreed) await checkLineage(etcd, known, current, signal);
  await barrier(signal);
  let progress = report;
  const onProgress = (counts: Parameters<typeof added>[1]): void => {
    progress = added(progress, counts);
    tell(progress);
  };
  await review(options, onProgress, signal);
  await reclaim.setLineage(current, { signal });
  await sweep(options, current.catalogId, onProgress, signal);
}

type OnProgress = (counts: Parameters<typeof added>[1]) => void;

/** Tells the storage of everything it holds whether the catalog names it, for this region. */
async function review(
  { region, view, storage, reclaim, settings }: CollectOptions,
  onProgress: OnProgress,
  signal: AbortSignal,
): Promise<void> {
  const graceMs = settings.collectGraceMs;
  let batch: Digest[] = [];
  const look = async (): Promise<void> => {
    const digests = batch;
    batch = [];
    // In one turn: what the view says is of one revision.
    const named = placedHere(view, region).named(view, digests);
    const unnamed = digests.filter((digest) => !named.has(digest));
    const found = await reclaim.review({ unnamed, named: [...named], graceMs }, { signal });
    const { pinned, unused, condemned } = found;
    onProgress({ looked: digests.length, named: named.size, pinned, unused, condemned });
  };
  for await (const { digest } of storage.list({}, { signal })) {
    batch.push(parseDigest(digest));
    if (batch.length >= settings.collectBatch) await look();
  }
  if (batch.length > 0) await look();
}

/** Begins a new epoch if anything is due, and removes what is named by nothing in a view that knows of the epoch. */
async function sweep(
  options: CollectOptions,
  catalogId: string,
  onProgress: OnProgress,
  signal: AbortSignal,
): Promise<void> {
  const { region, etcd, view, reclaim, settings } = options;
  const graceMs = settings.collectGraceMs;
  const due = async (last: string): Promise<Digest[]> => {
    const { blobs } = await reclaim.due({ graceMs, last, limit: SWEEP_BATCH }, { signal });
    return blobs.map(({ digest }) => parseDigest(digest));
  };
  let page = await due('');
  if (page.length === 0) return;
  failpoint('collect.condemned');

  const { epoch, revision } = await advanceEpoch(
    etcd,
    { region, catalogId, timeoutMs: EPOCH_TIMEOUT_MS },
    signal,
  );
  failpoint('collect.advanced');
  if (!(await reachedWithin(view, { catalogId, revision }, settings.collectViewTimeoutMs, signal))) {
    throw lagging(revision, view.position().revision);
  }
  while (page.length > 0) {
    if (view.position().catalogId !== catalogId) throw exchanged();
    const digests = await unwanted(options, page, signal);
    const kept = page.filter((digest) => !digests.includes(digest));
    await reclaim.review({ unnamed: [], named: kept, graceMs }, { signal });
    const { removed } = await reclaim.sweep({ digests, epoch, graceMs }, { signal });
    onProgress({
      removedBlobs: removed.length,
      removedBytes: removed.reduce((sum, { size }) => sum + size, 0),
    });
    await pause((page.length * 1000) / settings.maxRemovalsPerSecond, undefined, { signal });
    page = await due(page.at(-1) ?? '');
  }
  await reclaim.expirePins({ epoch }, { signal });
  failpoint('collect.expired');
}

/** Those that the catalog does not name, or names for other regions only, which have taken them. */
async function unwanted(
  { region, view, letGo }: CollectOptions,
  page: readonly Digest[],
  signal: AbortSignal,
): Promise<Digest[]> {
  const wanted = placedHere(view, region).named(view, page);
  const named = view.named(page.filter((digest) => !wanted.has(digest)));
  const gone = named.size === 0 ? named : await letGo([...named], signal);
  // It may have changed meanwhile where content may be.
  const wantedNow = placedHere(view, region).named(view, page);
  const namedNow = view.named(page);
  return page.filter((digest) => !wantedNow.has(digest) && (!namedNow.has(digest) || gone.has(digest)));
}

function exchanged(): RegistryError {
  return new RegistryError(
    'UNAVAILABLE',
    'The catalog was exchanged during the collection, which ends here.',
  );
}
