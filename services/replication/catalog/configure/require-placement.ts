import { RegistryError } from '#libs/oci/errors.ts';
import type { RepositoryName } from '#libs/oci/name.ts';
import { placedOf } from '#libs/placement.ts';
import type { Settings } from '../records.ts';
import type { RepositoryView } from '../view/view.ts';
import { effectiveSettings, placementBy } from './effective.ts';
import type { SettingsState } from './settings-state.ts';

/** The most repositories with regions of their own: every front end knows them all. */
const MAX_PLACED = 10_000;

/**
 * Throws REQUEST_INVALID for regions that there are not, and where a repository asks for copies in more regions than its content may be in; CONFLICT where
 * too many have regions of their own.
 */
export function requirePlacement(
  view: Pick<RepositoryView, 'placed'>,
  repository: RepositoryName | undefined,
  current: Settings,
  next: Settings,
  { defaults, regions, activeRegions }: Pick<SettingsState, 'defaults' | 'regions' | 'activeRegions'>,
): void {
  if (next.regions !== current.regions || next.placements !== current.placements) requireKnown(next, regions);
  if (repository === undefined) return;
  if (next.regions !== undefined && current.regions === undefined) requireFew(view);
  const { durability, regions: own } = next;
  if (typeof durability !== 'number') return;
  if (durability === current.durability && own === current.regions) return;
  const placement = placementBy(effectiveSettings(next, defaults), repository);
  const placed = placedOf(placement, activeRegions);
  if (durability <= placed.length) return;
  throw new RegistryError(
    'REQUEST_INVALID',
    `The durability of ${repository} asks for ${durability} regions, but its content may be in ${placed.length} active ones: ${placed.join(', ')}. ` +
      'Lower the durability, or place it in more regions.',
  );
}

function requireKnown({ regions = [], placements = [] }: Settings, known: readonly string[]): void {
  const unknown = [...regions, ...placements.flatMap((rule) => rule.regions)].find(
    (region) => !known.includes(region),
  );
  if (unknown === undefined) return;
  throw new RegistryError(
    'REQUEST_INVALID',
    `There is no region ${unknown} in this cluster; its regions are ${known.join(', ')}.`,
  );
}

function requireFew(view: Pick<RepositoryView, 'placed'>): void {
  if (view.placed().length < MAX_PLACED) return;
  throw new RegistryError(
    'CONFLICT',
    `${MAX_PLACED} repositories have regions of their own already, which is the most; place repositories by patterns of their names, the defaults' setting placements.`,
  );
}
