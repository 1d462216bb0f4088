import type { RegionPins } from '../catalog/collaborators.ts';
import { createPinFinder, type PinFinderOptions } from './pin-finder.ts';
import { createOwnerFinder } from './pin-owners.ts';
import { createUnpinner } from './unpin.ts';

/** What the catalog asks of the pins of all regions. */
export function createRegionPins(options: PinFinderOptions): RegionPins {
  return { ...createPinFinder(options), ...createOwnerFinder(options), ...createUnpinner(options) };
}
