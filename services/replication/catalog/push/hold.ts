import { RegistryError } from '#libs/oci/errors.ts';
import type { RepositoryName } from '#libs/oci/name.ts';
import { isPlaced, notPlaced } from '#libs/placement.ts';
import { withSpan } from '#libs/telemetry/trace.ts';
import type { Content, Holder, HoldRequest } from '../collaborators.ts';
import { placementBy } from '../configure/effective.ts';
import type { RecordedReference } from '../manifest-record.ts';
import type { CatalogSettings } from '../settings.ts';
import type { OwnershipView } from '../view/view.ts';
import { wantedRegions, type Wanted } from './durability.ts';
import type { Prepared } from './prepared.ts';
import type { Push } from './request.ts';

/** All that must be on disk: the manifest's own bytes, what it owns, and of an index the same of its children. */
export function contentOf(
  view: OwnershipView,
  { digest, size, repository }: Push,
  references: readonly RecordedReference[],
): Content[] {
  const content = new Map<string, Content>([[digest, { digest, size }]]);
  for (const { digest, size, owned } of references) if (owned) content.set(digest, { digest, size });
  const children = references.filter(({ role }) => role === 'manifest').map(({ digest }) => digest);
  for (const blob of view.closure(repository, children)) content.set(blob.digest, blob);
  return [...content.values()];
}

/**
 * Where content that goes to `region` for the repository must be held. Throws UNAVAILABLE where the region takes none or there are fewer than
 * the repository's durability asks for, DENIED where it must not be in this one.
 */
export function whereToHold(
  region: string,
  repository: RepositoryName,
  { regions, settings }: Pick<Prepared, 'regions' | 'settings'>,
): Wanted {
  const active = regions.filter(({ state }) => state === 'active').map(({ name }) => name);
  requireActive(region, active);
  const placement = placementBy(settings, repository);
  if (!isPlaced(placement, region)) throw notPlaced(repository, placement, region);
  return wantedRegions(settings.durability, active, region, placement);
}

/**
 * Has as many of the regions hold the content as are wanted, and gives their collection epochs. Throws UNAVAILABLE that names the regions
 * where that failed.
 */
export async function holdContent(
  { holder, region, settings }: { holder: Holder; region: string; settings: CatalogSettings },
  { id, repository }: Pick<Push, 'id' | 'repository'>,
  content: Pick<HoldRequest, 'blobs' | 'along'>,
  { regions, count }: Wanted,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, number>> {
  const timeoutMs = settings.holdTimeoutMs;
  const { epochs, missing } = await withSpan('catalog.push hold', {}, (span) => {
    span.setAttributes({ 'meridian.blobs': content.blobs.length, 'meridian.wanted_regions': count });
    const request = { pushId: id, repository, ...content, from: region, regions, wanted: count, timeoutMs };
    return holder.hold(request, signal);
  });
  if (epochs.size >= count) return epochs;
  const held = [...epochs.keys()];
  throw new RegistryError(
    'UNAVAILABLE',
    `The push must be on disk in ${count} of the regions ${regions.join(', ')}, but in time only ${held.length} could hold all of it ` +
      `(${held.join(', ') || 'none'}), not ${missing.join(', ') || 'the others'}. Nothing was published, and what was copied is kept for ` +
      'a while: try again.',
    { detail: { wanted: count, held, missing }, retryAfterSeconds: 5 },
  );
}

/** A region that leaves takes no new content: what is only there would go with it. */
function requireActive(region: string, active: readonly string[]): void {
  if (active.includes(region)) return;
  throw new RegistryError(
    'UNAVAILABLE',
    `The region ${region} is being drained, or was removed from the cluster, and takes no new content. Push through another region: ` +
      `${active.join(', ') || 'none is active'}.`,
    { detail: { region, elsewhere: active }, retryAfterSeconds: 30 },
  );
}
