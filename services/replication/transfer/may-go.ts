import { RegistryError } from '#libs/oci/errors.ts';
import type { Storage } from '#libs/rpc/contracts.ts';
import type { WantedCatalog } from './start-transfer.ts';

/** Repositories of one blob's pins that are looked at. */
const MAX_PINNERS = 100;

/** Throws DENIED unless the blob may be in the region. */
export type RequireMayGo = (digest: string, region: string, signal: AbortSignal) => Promise<void>;

/** By the view and, for what no manifest owns yet, by this region's pins. Of a blob that no repository has, nobody says where it may be. */
export function createMayGo(
  catalog: Pick<WantedCatalog, 'placesAnything' | 'mayGo'>,
  storage: Pick<Storage, 'pinOwners'>,
): RequireMayGo {
  return async (digest, region, signal) => {
    if (!catalog.placesAnything() || catalog.mayGo(digest, region, [])) return;
    const { repositories } = await storage.pinOwners({ digest, limit: MAX_PINNERS }, { signal });
    if (catalog.mayGo(digest, region, repositories)) return;
    throw new RegistryError(
      'DENIED',
      `The blob ${digest} must not go to ${region === '' ? 'a region that does not say which it is' : region}: no repository that has it is placed there.`,
    );
  };
}
