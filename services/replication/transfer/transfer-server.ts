import { bounded } from '#libs/bounded.ts';
import { RegistryError } from '#libs/oci/errors.ts';
import { isPlaced, notPlaced, type Placement } from '#libs/placement.ts';
import type { Transfer } from '#libs/rpc/contracts.ts';
import type { Announcements } from './announce.ts';
import type { Fetcher, Fetching } from './fetch.ts';
import { relayBlob } from './relay.ts';
import type { Sources } from './sources.ts';
import type { Suspects } from './suspects.ts';

export interface TransferServerOptions {
  readonly region: string;
  readonly placement: (repository: string) => Placement;
  /** The region that is asked first; undefined: the nearest. */
  readonly pushedLatelyTo: (repository: string, digest: string) => string | undefined;
  readonly fetcher: Fetcher;
  readonly sources: Sources;
  readonly suspects: Suspects;
  readonly announcements: Announcements;
  readonly turnTimeoutMs: number;
}

/** What the region's own front ends ask for. */
export function createTransferServer(options: TransferServerOptions): Omit<Transfer, 'keepElsewhere'> {
  const { region, placement, fetcher, announcements, turnTimeoutMs } = options;
  return {
    fetch: async ({ repository, digest, size }, { signal }) => {
      const placed = placement(repository);
      if (!isPlaced(placed, region)) throw notPlaced(repository, placed, region);
      const from = options.pushedLatelyTo(repository, digest);
      const known = from === undefined || from === region ? {} : { from };
      const fetching = fetcher.fetch({ repository: '', digest, size, priority: 'client', ...known });
      await itsTurn(fetching, turnTimeoutMs, signal);
      await fetching.readable(signal);
      return { digest, size };
    },
    relay: (request, { signal }) => relayBlob(request, options, signal),
    announce: async (blob) => {
      announcements.tell(blob);
      return {};
    },
  };
}

/** A client is better served by a relayed read than by waiting behind other copies. */
async function itsTurn(fetching: Fetching, turnTimeoutMs: number, signal: AbortSignal): Promise<void> {
  using limit = bounded(signal, turnTimeoutMs);
  try {
    await fetching.begun(limit.signal);
  } catch (error) {
    if (!limit.isLate) throw error;
    throw new RegistryError(
      'UNAVAILABLE',
      'This region is busy with other copies; the blob can be relayed from another region, or asked for again in a moment.',
      { retryAfterSeconds: 2, cause: error },
    );
  }
}
