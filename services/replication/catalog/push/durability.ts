import { RegistryError } from '#libs/oci/errors.ts';
import { EVERYWHERE, isPlaced, placedOf, type Placement } from '#libs/placement.ts';
import type { Durability } from '../records.ts';

const DEFAULT_DURABILITY = 2;

/** In which regions a push's content may be, and in how many it must. */
export interface Wanted {
  readonly regions: readonly string[];
  readonly count: number;
}

/**
 * `active` are the regions that count, whether or not they are alive; `local` is the one that the push goes to, where the content may be. Throws
 * UNAVAILABLE where there are fewer regions than asked for.
 */
export function wantedRegions(
  durability: Durability | undefined,
  active: readonly string[],
  local: string,
  placement: Placement = EVERYWHERE,
): Wanted {
  if (durability === 'local') return { regions: [local], count: 1 };
  const regions = placedOf(placement, active);
  const count = regionsAsked(durability, active, placement);
  if (count > 0 && count <= regions.length) return { regions, count };
  const where = placement.length === 0 ? 'the cluster' : `its placement (${placement.join(', ')})`;
  throw new RegistryError(
    'UNAVAILABLE',
    `The repository's durability asks for ${count} regions, but ${where} has ${regions.length} active ones. Add regions, or lower the setting.`,
  );
}

/** In how many of the regions where nothing is set. */
export function builtInDurability(regions: number): number {
  return Math.max(1, Math.min(DEFAULT_DURABILITY, regions));
}

/** How many other regions must hold what is pushed through `local`. */
export function peersAsked(
  durability: Durability | undefined,
  active: readonly string[],
  local: string,
  placement: Placement = EVERYWHERE,
): number {
  if (durability === 'local') return 0;
  const holdsItself = active.includes(local) && isPlaced(placement, local);
  return Math.max(0, regionsAsked(durability, active, placement) - (holdsItself ? 1 : 0));
}

/**
 * In how many of the active regions content must be that may be in those of the placement, whether or not there are as many. A number beyond
 * the regions of a placement means all of them: it comes from the defaults, which know nothing of it.
 */
export function regionsAsked(
  durability: Durability | undefined,
  active: readonly string[],
  placement: Placement = EVERYWHERE,
): number {
  const asked = countAsked(durability, placedOf(placement, active).length);
  return placement.length === 0 ? asked : Math.min(asked, placement.length);
}

function countAsked(durability: Durability | undefined, regions: number): number {
  switch (durability) {
    case 'local':
      return 1;
    case undefined:
      return builtInDurability(regions);
    case 'quorum':
      return Math.floor(regions / 2) + 1;
    case 'all':
      return Math.max(1, regions);
    default:
      return durability;
  }
}
