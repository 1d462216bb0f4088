import { setImmediate } from 'node:timers/promises';
import type { RepositoryName } from '#libs/oci/name.ts';
import { placedOf } from '#libs/placement.ts';
import type { Shortfall } from '#types/meridian/v1/Shortfall.ts';
import { placementBy, settingsInView } from '../configure/effective.ts';
import { regionsAsked } from '../push/durability.ts';
import type { RegionView, RepositoryView } from '../view/view.ts';

/** Repositories looked at in one turn of the event loop. */
const PAGE = 500;
/** The most that are told of. */
const MAX_TOLD = 20;

/**
 * Whose durability asks for more regions than `active`, by default those that are active in the view, or whose content may be in none of these: the
 * cluster's defaults, then repositories by name, a few of them. Their pushes fail until there are more regions or the setting is another.
 */
export async function findShortfalls(
  view: RepositoryView & RegionView,
  signal: AbortSignal,
  active: readonly string[] = activeOf(view),
): Promise<Shortfall[]> {
  const found: Shortfall[] = [];
  const defaults = view.defaults()?.durability;
  if (typeof defaults === 'number' && defaults > active.length) {
    found.push({ repository: '', durability: defaults, regions: [] });
  }
  let page: RepositoryName[];
  let last = '';
  do {
    signal.throwIfAborted();
    page = view.repositories(last, PAGE);
    for (const name of page) {
      if (found.length >= MAX_TOLD) return found;
      const shortfall = shortfallOf(view, name, active);
      if (shortfall !== undefined) found.push(shortfall);
    }
    last = page.at(-1) ?? last;
    await setImmediate();
  } while (page.length === PAGE);
  return found;
}

/** Of what a repository has from the defaults alone, these tell. */
function shortfallOf(
  view: RepositoryView,
  repository: RepositoryName,
  active: readonly string[],
): Shortfall | undefined {
  const own = view.repository(repository)?.durability;
  const settings = settingsInView(view, repository);
  const placement = placementBy(settings, repository);
  if (typeof own !== 'number' && placement.length === 0) return undefined;
  const durability = Math.max(1, regionsAsked(settings.durability, active, placement));
  if (durability <= placedOf(placement, active).length) return undefined;
  return { repository, durability, regions: [...placement] };
}

function activeOf(view: RegionView): string[] {
  return view
    .regions()
    .filter(({ state }) => state === 'active')
    .map(({ name }) => name);
}

/** In words: "team/app asks for 3, eu/app for 1 of eu, the defaults for 4". */
export function tellShortfalls(shortfalls: readonly Shortfall[]): string {
  return shortfalls
    .map(({ repository, durability, regions }) => {
      const whose = repository === '' ? 'the defaults' : repository;
      return `${whose} for ${durability}${regions.length === 0 ? '' : ` of ${regions.join(', ')}`}`;
    })
    .join(', ');
}
