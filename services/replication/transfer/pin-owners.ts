import { abortable } from '#libs/abortable.ts';
import { bounded } from '#libs/bounded.ts';
import { parseRepositoryName } from '#libs/oci/name.ts';
import type { Storage } from '#libs/rpc/contracts.ts';
import type { PinOwners } from '#types/meridian/v1/PinOwners.ts';
import type { BlobOwners, OwnerFinder } from '../catalog/collaborators.ts';
import { ask } from '../peers/ask.ts';
import type { PeerDirectory } from '../peers/directory.ts';

export interface OwnerFinderOptions {
  readonly storage: Storage;
  readonly directory: PeerDirectory;
  readonly askTimeoutMs: number;
}

const NOBODY: PinOwners = { repositories: [], size: 0 };

/** Asks the own storage first; then the other live regions at once, and takes the first that names somebody. */
export function createOwnerFinder({ storage, directory, askTimeoutMs }: OwnerFinderOptions): OwnerFinder {
  return {
    owners: async (digest, limit, signal) => {
      const request = { digest, limit };
      const own = await storage.pinOwners(request, { signal }).catch(() => NOBODY);
      signal.throwIfAborted();
      if (own.repositories.length > 0) return named(own);

      using enough = bounded(signal);
      const limits = { signal: enough.signal, timeoutMs: askTimeoutMs };
      const somebody = directory
        .nearestFirst()
        .filter(({ live }) => live)
        .map(async ({ region, peer }) => {
          const found = await ask(region, limits, (limited) => peer.pinOwners(request, { signal: limited }));
          if (found.repositories.length === 0) throw new Error(`${region} knows nobody`);
          return found;
        });
      try {
        return named(await abortable(Promise.any(somebody), signal));
      } catch {
        signal.throwIfAborted();
        return named(NOBODY);
      } finally {
        enough.abort();
      }
    },
  };
}

function named({ repositories, size }: PinOwners): BlobOwners {
  return { repositories: repositories.map(parseRepositoryName), size };
}
