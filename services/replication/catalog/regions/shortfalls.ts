import { setImmediate } from 'node:timers/promises';
import type { RepositoryName } from '#libs/oci/name.ts';
import type { Shortfall } from '#types/meridian/v1/Shortfall.ts';
import type { Settings } from '../records.ts';
import type { RegionView, RepositoryView } from '../view/view.ts';

/** Repositories looked at in one turn of the event loop. */
const PAGE = 500;
/** The most that are told of. */
const MAX_TOLD = 20;

/**
 * Whose durability asks for more regions than `active`, by default those that are active in the view: the cluster's defaults, then
 * repositories by name, a few of them. Their pushes fail until there are more regions or the setting is lower.
 */
export async function findShortfalls(
  view: RepositoryView & RegionView,
  signal: AbortSignal,
  active = view.regions().filter(({ state }) => state === 'active').length,
): Promise<Shortfall[]> {
  const found: Shortfall[] = [];
  const look = (repository: string, settings: Settings | undefined): void => {
    const durability = settings?.durability;
    if (typeof durability === 'number' && durability > active) found.push({ repository, durability });
  };
  look('', view.defaults());
  let page: RepositoryName[];
  let last = '';
  do {
    signal.throwIfAborted();
    page = view.repositories(last, PAGE);
    for (const name of page) {
      if (found.length >= MAX_TOLD) return found;
      look(name, view.repository(name));
    }
    last = page.at(-1) ?? last;
    await setImmediate();
  } while (page.length === PAGE);
  return found;
}

/** In words: "team/app asks for 3, the defaults for 4". */
export function tellShortfalls(shortfalls: readonly Shortfall[]): string {
  return shortfalls
    .map(
      ({ repository, durability }) => `${repository === '' ? 'the defaults' : repository} for ${durability}`,
    )
    .join(', ');
}
