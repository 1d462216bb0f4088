import { RegistryError } from '#libs/oci/errors.ts';
import type { Durability } from '../records.ts';

const DEFAULT_DURABILITY = 2;

/** In which regions a push's content may be, and in how many it must. */
export interface Wanted {
  readonly regions: readonly string[];
  readonly count: number;
}

/**
 * `active` are the regions that count, whether or not they are alive; `local` is the one that the push goes to. Throws UNAVAILABLE where there
 * are fewer regions than asked for.
 */
export function wantedRegions(
  durability: Durability | undefined,
  active: readonly string[],
  local: string,
): Wanted {
  if (durability === 'local') return { regions: [local], count: 1 };
  const count = regionsAsked(durability, active.length);
  if (count > 0 && count <= active.length) return { regions: active, count };
  throw new RegistryError(
    'UNAVAILABLE',
    `The repository's durability asks for ${count} regions, but the cluster has ${active.length} active ones. Add regions, or lower the setting.`,
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
): number {
  if (durability === 'local') return 0;
  return regionsAsked(durability, active.length) - (active.includes(local) ? 1 : 0);
}

/** In how many of the active regions content must be, whether or not there are as many. */
export function regionsAsked(durability: Durability | undefined, regions: number): number {
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
