import { RegistryError } from '#libs/oci/errors.ts';
import { parseRepositoryName } from '#libs/oci/name.ts';
import { placedOf } from '#libs/placement.ts';
import type { Catalog } from '#libs/rpc/contracts.ts';
import { placementBy, settingsInView } from '../configure/effective.ts';
import { regionsAsked } from '../push/durability.ts';
import type { RegionView, RepositoryView } from '../view/view.ts';

/** `Catalog.FindDurability`. */
export function createFindDurability(
  view: RegionView & RepositoryView,
  resolve: Catalog['resolve'],
): Catalog['findDurability'] {
  return async (request, context) => {
    const { manifest, position } = await resolve(request, context);
    if (manifest === null) throw new RegistryError('INTERNAL', 'A manifest was found without a descriptor.');
    const active = view.regions().filter(({ state }) => state === 'active');
    const repository = parseRepositoryName(request.repository);
    const settings = settingsInView(view, repository);
    const placement = placementBy(settings, repository);
    const names = active.map(({ name }) => name);
    return {
      manifest,
      position,
      regions: placedOf(placement, names),
      count: regionsAsked(settings.durability, names, placement),
      placement: [...placement],
    };
  };
}
