import { parseDigest, type Digest } from '#libs/oci/digest.ts';
import type { Reclaim, Storage } from '#libs/rpc/contracts.ts';
import type { BlobExplanation } from '#types/meridian/v1/BlobExplanation.ts';
import type { BlobUse } from '#types/meridian/v1/BlobUse.ts';
import { placedHere } from '../catalog/placement.ts';
import type { NamedView, OwnershipView, RepositoryView } from '../catalog/view/view.ts';
import type { CollectSettings } from './settings.ts';

/** Blobs that are looked at together. */
const BATCH = 200;
/** Manifests told of one blob. */
const MAX_NAMERS_TOLD = 10;

export interface ExplainOptions {
  readonly region: string;
  readonly view: NamedView & OwnershipView & RepositoryView;
  readonly storage: Pick<Storage, 'list'>;
  readonly reclaim: Pick<Reclaim, 'describe'>;
  readonly settings: CollectSettings;
}

/** Why each blob is kept, or when it goes at the earliest: what a collection would find, without doing anything. All that are held, where no digest is named. */
export async function* explainBlobs(
  options: ExplainOptions,
  digests: readonly string[],
  signal: AbortSignal,
): AsyncGenerator<BlobExplanation, void, undefined> {
  let batch: Digest[] = [];
  for await (const digest of digests.length > 0 ? digests : heldDigests(options.storage, signal)) {
    batch.push(parseDigest(digest));
    if (batch.length < BATCH) continue;
    yield* explain(options, batch, signal);
    batch = [];
  }
  if (batch.length > 0) yield* explain(options, batch, signal);
}

async function* heldDigests(
  storage: Pick<Storage, 'list'>,
  signal: AbortSignal,
): AsyncGenerator<string, void, undefined> {
  for await (const { digest } of storage.list({}, { signal })) yield digest;
}

async function* explain(
  { region, view, reclaim, settings }: ExplainOptions,
  digests: readonly Digest[],
  signal: AbortSignal,
): AsyncGenerator<BlobExplanation, void, undefined> {
  const { blobs } = await reclaim.describe({ digests: [...digests] }, { signal });
  const wanted = placedHere(view, region).named(view, digests);
  for (const use of blobs) {
    const digest = parseDigest(use.digest);
    const namedBy = wanted.has(digest) ? view.namersOf(digest, MAX_NAMERS_TOLD) : [];
    const goesAt = namedBy.length > 0 || use.pins.length > 0 ? 0 : earliest(use, settings.collectGraceMs);
    yield { use, namedBy, goesAt };
  }
}

/** A blob that no collection has seen unused yet has both graces before it: from the next collection on, which is not known. */
function earliest({ unusedSince, condemnedAt }: BlobUse, graceMs: number): number {
  if (condemnedAt > 0) return condemnedAt + graceMs;
  return unusedSince > 0 ? unusedSince + 2 * graceMs : 0;
}
