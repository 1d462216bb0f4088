import { randomUUID } from 'node:crypto';
import { failpoint } from '#libs/failpoint.ts';
import type { KeyValueStore } from '#libs/etcd/store.ts';
import type { Digest } from '#libs/oci/digest.ts';
import { RegistryError } from '#libs/oci/errors.ts';
import type { Manifest } from '#libs/oci/manifest.ts';
import type { RepositoryName } from '#libs/oci/name.ts';
import type { OnRegionEvent } from '#libs/region-event.ts';
import type { Catalog, Storage } from '#libs/rpc/contracts.ts';
import { MAX_CHUNK_BYTES } from '#libs/rpc/limits.ts';
import { withSpan } from '#libs/telemetry/trace.ts';
import type { Clock, Content, Holder, PinFinder } from '../collaborators.ts';
import type { ManifestRecord } from '../manifest-record.ts';
import type { CatalogSettings } from '../settings.ts';
import { reachedWithin } from '../view/reached.ts';
import type { View } from '../view/view.ts';
import { commit } from './commit.ts';
import { contentOf, holdContent } from './hold.ts';
import { resolveReferences } from './ownership.ts';
import { prepare, type Prepared } from './prepare.ts';
import { readManifestBytes } from '../read-manifest.ts';
import type { ReceiptLease } from './receipt-lease.ts';
import { recordOf } from './record.ts';
import { parsePush, type Push } from './request.ts';

/** How often a push tries to commit while others change what it depends on. */
const MAX_ATTEMPTS = 5;

export interface PushOptions {
  readonly etcd: KeyValueStore;
  readonly view: View;
  readonly storage: Pick<Storage, 'read'>;
  readonly pins: PinFinder;
  readonly holder: Holder;
  readonly receipts: ReceiptLease;
  /** This region's name. */
  readonly region: string;
  readonly clock: Clock;
  readonly settings: CatalogSettings;
  readonly onEvent: OnRegionEvent;
  /** Told of every manifest that was published, once it is. */
  readonly onPublished: (repository: RepositoryName, digest: Digest) => void;
}

/** `Catalog.Push`: see "Push" in ARCHITECTURE.md. */
export function createPush(options: PushOptions): Catalog['push'] {
  const { storage, view, settings, onEvent } = options;
  return async (request, { signal }) => {
    const push = parsePush(request, randomUUID());
    const { manifest, bytes } = await readManifestBytes(storage, push, signal);
    const { position, regions, content } = await publish(options, push, manifest, bytes, signal);
    const { repository, tags, digest } = push;
    const size = content.reduce((sum, blob) => sum + blob.size, 0);
    onEvent({ kind: 'push', repository, tags, digest, size, durableRegions: regions });
    options.onPublished(repository, digest);
    // So that who pushed sees it through this region at once; in vain only while the watch is cut off.
    await reachedWithin(view, position, settings.ownWriteTimeoutMs, signal);
    return {
      position: { ...position, stalenessMs: 0 },
      durableRegions: regions,
      subject: manifest.subject?.digest ?? '',
    };
  };
}

interface Published {
  readonly position: { readonly catalogId: string; readonly revision: number };
  readonly regions: string[];
  readonly content: readonly Content[];
}

interface Draft {
  readonly prepared: Prepared;
  readonly record: ManifestRecord;
  readonly content: readonly Content[];
}

async function publish(
  options: PushOptions,
  push: Push,
  manifest: Manifest,
  bytes: Buffer,
  signal: AbortSignal,
): Promise<Published> {
  const timeoutMs = options.settings.commitTimeoutMs;
  const along = bytes.length > MAX_CHUNK_BYTES ? [] : [{ digest: push.digest, data: bytes }];
  let draft: Draft | undefined;
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    draft ??= await withSpan('catalog.push prepare', {}, () => makeDraft(options, push, manifest, signal));
    const { prepared, record, content } = draft;
    failpoint('push.prepared');
    const epochs = await holdContent(options, push, { blobs: content, along }, prepared, signal);
    failpoint('push.held');
    const outcome = await withSpan('catalog.push commit', {}, () =>
      commit({ ...options, timeoutMs }, push, record, prepared, epochs, signal),
    );
    if (outcome.kind === 'committed') {
      failpoint('push.committed');
      const position = { catalogId: prepared.catalogId, revision: outcome.revision };
      return { position, regions: [...epochs.keys()].sort(), content };
    }
    if (outcome.kind === 'changed') draft = undefined;
  }
  throw new RegistryError(
    'UNAVAILABLE',
    `What the push to ${push.repository} depends on was changed by others each of the ${MAX_ATTEMPTS} times it tried to commit; try again.`,
    { retryAfterSeconds: 1 },
  );
}

async function makeDraft(
  options: PushOptions,
  push: Push,
  manifest: Manifest,
  signal: AbortSignal,
): Promise<Draft> {
  const { etcd, view, region, clock, settings } = options;
  const prepared = await prepare({ etcd, view, viewTimeoutMs: settings.barrierTimeoutMs }, push, signal);
  const references = await resolveReferences(
    options,
    push.repository,
    manifest,
    prepared.settings.missing,
    signal,
  );
  const record = recordOf(push, manifest, references, { where: region, pushedAtMs: clock.nowMs() });
  return { prepared, record, content: contentOf(view, push, references) };
}
