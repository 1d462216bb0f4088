import type { RepositoryName } from '#libs/oci/name.ts';
import { placementOf, type Placement } from '#libs/placement.ts';
import type { Reuse } from '#types/meridian/v1/Reuse.ts';
import type { Settings } from '../records.ts';
import type { RepositoryView } from '../view/view.ts';

/** The settings in force; without `durability` it is two regions, or as many as there are, and without `maxStalenessMs` there is no limit. */
export type EffectiveSettings = Settings & Required<Pick<Settings, 'reads' | 'missing' | 'untagged'>>;

export const BUILT_IN = { reads: 'bounded', missing: 'refuse', untagged: 'keep' } as const satisfies Settings;

/** The repository's own settings, then the cluster's defaults, then what is built in. */
export function effectiveSettings(
  repository: Settings | undefined,
  defaults: Settings | undefined,
): EffectiveSettings {
  return { ...BUILT_IN, ...defaults, ...repository };
}

/** What the view knows to be in force for the repository; without one, for what concerns all of them. */
export function settingsInView(view: RepositoryView, repository?: RepositoryName): EffectiveSettings {
  const own = repository === undefined ? undefined : view.repository(repository);
  return effectiveSettings(own, view.defaults());
}

/** Where the repository's content may be, by the settings in force for it. */
export function placementBy({ regions, placements }: Settings, repository: RepositoryName): Placement {
  return placementOf(repository, regions, placements);
}

/** How an answer from the repository may be given again by a cache, and in which regions. */
export function reuseOf(view: RepositoryView, repository: RepositoryName): Reuse {
  const settings = settingsInView(view, repository);
  const { reads, maxStalenessMs = 0 } = settings;
  return { never: reads === 'strong', maxStalenessMs, regions: [...placementBy(settings, repository)] };
}
