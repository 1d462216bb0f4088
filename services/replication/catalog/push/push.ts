import { randomUUID } from 'node:crypto';
import { failpoint } from '#libs/failpoint.ts';
import type { Digest } from '#libs/oci/digest.ts';
import { RegistryError } from '#libs/oci/errors.ts';
import type { Manifest } from '#libs/oci/manifest.ts';
import type { RepositoryName } from '#libs/oci/name.ts';
import type { OnRegionEvent } from '#libs/region-event.ts';
import type { Catalog, Storage } from '#libs/rpc/contracts.ts';
import { MAX_CHUNK_BYTES } from '#libs/rpc/limits.ts';
import { withSpan } from '#libs/telemetry/trace.ts';
import type { Content, Holder } from '../collaborators.ts';
import { reachedWithin } from '../view/reached.ts';
import { commit } from './commit.ts';
import { makeDraft, type Draft, type DraftOptions } from './draft.ts';
import { holdContent } from './hold.ts';
import { readManifestBytes, takeManifest } from '../read-manifest.ts';
import type { ReceiptLease } from './receipt-lease.ts';
import { parsePush, type Push } from './request.ts';

/** How often a push tries to commit while others change what it depends on. */
const MAX_ATTEMPTS = 5;

export interface PushOptions extends DraftOptions {
  readonly storage: Pick<Storage, 'read'>;
  readonly holder: Holder;
  readonly receipts: ReceiptLease;
  readonly onEvent: OnRegionEvent;
  /** Told of every manifest that was published, once it is. */
  readonly onPublished: (repository: RepositoryName, digest: Digest) => void;
}

/** `Catalog.Push`: see "Push" in ARCHITECTURE.md. */
export function createPush(options: PushOptions): Catalog['push'] {
  const { storage, view, settings, onEvent } = options;
  return async (request, { signal }) => {
    const push = parsePush(request, randomUUID());
    const along = request.content;
    const { manifest, bytes } =
      along.length > 0 ? takeManifest(along, push) : await readManifestBytes(storage, push, signal);
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
    draft ??= await withSpan('catalog.push prepare', {}, () =>
      makeDraft(options, push, manifest, { mayAssume: attempt === 0 }, signal),
    );
    const { prepared, record, content, wanted } = draft;
    failpoint('push.prepared');
    const epochs = await holdContent(options, push, { blobs: content, along }, wanted, signal);
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
