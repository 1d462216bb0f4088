import { RegistryError } from './oci/errors.ts';
import { matchesName, type NamePattern } from './oci/name-pattern.ts';
import type { RepositoryName } from './oci/name.ts';

/** The content of repositories whose names fit may be in these regions, one at least, and nowhere else. */
export interface PlacementRule {
  readonly pattern: NamePattern;
  readonly regions: readonly string[];
}

/** The regions that a repository's content may be in; none named: all. */
export type Placement = readonly string[];

export const EVERYWHERE: Placement = [];

/** What the repository has of its own goes before, then the first rule that fits. */
export function placementOf(
  repository: RepositoryName,
  own: Placement | undefined,
  rules: readonly PlacementRule[] = [],
): Placement {
  return own ?? rules.find(({ pattern }) => matchesName(pattern, repository))?.regions ?? EVERYWHERE;
}

export function isPlaced(placement: Placement, region: string): boolean {
  return placement.length === 0 || placement.includes(region);
}

/** Those of the regions that the content may be in. */
export function placedOf(placement: Placement, regions: readonly string[]): string[] {
  return regions.filter((region) => isPlaced(placement, region));
}

/** Whose content a region has refused, and where it may be instead. */
export interface PlacementRefusal {
  readonly repository: string;
  readonly regions: Placement;
}

/** What an error says that `notPlaced` made, here or in another process; undefined for all others. */
export function placementRefusal(error: unknown): PlacementRefusal | undefined {
  if (!(error instanceof RegistryError) || error.code !== 'DENIED') return undefined;
  const { detail } = error;
  return typeof detail === 'object' && detail !== null && 'regions' in detail
    ? (detail as PlacementRefusal)
    : undefined;
}

/** For whoever wants to read or write content through a region where it must not be. */
export function notPlaced(repository: string, placement: Placement, region: string): RegistryError {
  return new RegistryError(
    'DENIED',
    `The content of ${repository} is kept in ${placement.join(', ')} only, and this is ${region}. Use the registry in ${placement.join(' or ')}.`,
    { detail: { repository, region, regions: placement } },
  );
}
