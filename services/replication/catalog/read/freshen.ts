import { RegistryError } from '#libs/oci/errors.ts';
import type { RepositoryName } from '#libs/oci/name.ts';
import type { Freshness } from '#types/meridian/v1/Freshness.ts';
import type { Position } from '#types/meridian/v1/Position.ts';
import { lagging, type Barrier } from '../barrier.ts';
import { settingsInView } from '../configure/effective.ts';
import type { HeadReader } from '../head.ts';
import type { CatalogSettings } from '../settings.ts';
import type { Staleness } from '../staleness.ts';
import { hasReached, reachedWithin } from '../view/reached.ts';
import type { View } from '../view/view.ts';

/** What every read works with. */
export interface ReadOptions {
  readonly view: View;
  readonly heads: HeadReader;
  readonly barrier: Barrier;
  readonly staleness: Staleness;
  readonly settings: CatalogSettings;
}

/** How new the view is known to be. */
export interface Freshened {
  /** The view holds everything that was committed before the request: what is absent is absent. */
  readonly confirmed: boolean;
  /** Set where the request's minimum revision could not be checked: what is there may be answered, with its staleness. */
  readonly failure?: RegistryError;
}

/**
 * Brings the view as far as the request and the repository ask before anything is looked up. Throws UNAVAILABLE where a strong read can't
 * reach the quorum or the view lags, PRECONDITION_FAILED for a minimum revision that this catalog does not have.
 */
export async function freshen(
  options: ReadOptions,
  repository: RepositoryName | undefined,
  freshness: Freshness | null,
  signal: AbortSignal,
): Promise<Freshened> {
  const { view, barrier } = options;
  if (freshness?.strong === true || isTooOld(options, repository)) {
    await barrier(signal);
    // The barrier covers every revision that was ever given out, so a greater one is not this catalog's.
    checkMinimum(freshness, view.position());
    return { confirmed: true };
  }
  if (freshness === null || freshness.minRevision === 0) return { confirmed: false };
  return reachMinimum(options, freshness, signal);
}

/** Whether the repository's settings ask for more than the view as it stands: strong reads, or a newer one. */
export function isTooOld(
  { view, staleness }: Pick<ReadOptions, 'view' | 'staleness'>,
  repository: RepositoryName | undefined,
): boolean {
  const { reads, maxStalenessMs = Infinity } = settingsInView(view, repository);
  return reads === 'strong' || staleness.ms() > maxStalenessMs;
}

/** The view's position and staleness, as answers carry them. */
export function answerPosition({ view, staleness }: ReadOptions): Position {
  return { ...view.position(), stalenessMs: staleness.ms() };
}

async function reachMinimum(
  { view, heads, settings }: ReadOptions,
  freshness: Freshness,
  signal: AbortSignal,
): Promise<Freshened> {
  const wanted = { catalogId: freshness.catalogId, revision: freshness.minRevision };
  if (hasReached(view.position(), wanted)) return { confirmed: false };
  try {
    checkMinimum(freshness, await heads.read(signal));
  } catch (error) {
    if (error instanceof RegistryError && error.code === 'UNAVAILABLE') {
      return { confirmed: false, failure: error };
    }
    throw error;
  }
  if (await reachedWithin(view, wanted, settings.minRevisionTimeoutMs, signal)) return { confirmed: false };
  throw lagging(wanted.revision, view.position().revision);
}

function checkMinimum(freshness: Freshness | null, head: { catalogId: string; revision: number }): void {
  if (
    freshness === null ||
    freshness.minRevision === 0 ||
    hasReached(head, { catalogId: freshness.catalogId, revision: freshness.minRevision })
  )
    return;
  const what =
    head.catalogId === freshness.catalogId
      ? `revision ${freshness.minRevision}, but the catalog's newest is ${head.revision}`
      : `the catalog ${freshness.catalogId}, but this is ${head.catalogId}`;
  throw new RegistryError(
    'PRECONDITION_FAILED',
    `The request asks for ${what}. Was the revision given out by another registry, or before a restore? Repeat the request without it.`,
  );
}
