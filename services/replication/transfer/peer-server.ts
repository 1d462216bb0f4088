import { RegistryError } from '#libs/oci/errors.ts';
import { quote } from '#libs/oci/quote.ts';
import { isPlaced, notPlaced, type Placement } from '#libs/placement.ts';
import type { Peer, Scrub, Storage } from '#libs/rpc/contracts.ts';
import { recheck } from '../healing/recheck.ts';
import type { Announcements } from './announce.ts';
import type { RequireMayGo } from './may-go.ts';
import { isHeld } from './readable.ts';
import type { Sending } from './sending.ts';
import { holdContent, type HoldOptions } from './hold-content.ts';

export interface PeerServerOptions extends HoldOptions {
  readonly region: string;
  readonly process: string;
  readonly catalogId: () => string;
  /** What this region is in the cluster; empty before the catalog is loaded. */
  readonly state: () => string;
  readonly storage: Storage;
  readonly scrub: Pick<Scrub, 'verify'>;
  readonly announcements: Announcements;
  readonly placement: (repository: string) => Placement;
  readonly mayGo: RequireMayGo;
  readonly sending: Sending;
  /** Nothing that comes from other regions has a limit. */
  readonly takesBytes: boolean;
}

/** All but what is told of summaries. */
export type PeerTransfer = Omit<Peer, 'summarize' | 'listKept'>;

/** What this region answers the others. Only its own storage is asked, never a third region: so no call goes in circles. */
export function createPeerServer(options: PeerServerOptions): PeerTransfer {
  const { region, process, catalogId, state, takesBytes } = options;
  const { storage, scrub, announcements, placement, mayGo, sending } = options;
  return {
    ping: async () => ({ region, process, catalogId: catalogId(), state: state(), takesBytes }),
    read: async function* (request, { signal, caller }) {
      requireSame(request.region, caller?.());
      await mayGo(request.digest, request.region, signal);
      const over = await sending.admit(request, signal);
      try {
        yield* storage.read(request, { signal });
      } finally {
        over();
      }
    },
    stat: (request, { signal }) => storage.stat(request, { signal }),
    pins: (request, { signal }) => storage.pins(request, { signal }),
    unpin: (request, { signal }) => storage.unpin(request, { signal }),
    pinOwners: (request, { signal }) => storage.pinOwners(request, { signal }),
    announce: async (blob) => {
      announcements.hear(blob);
      return {};
    },
    suspect: async ({ digest }, { signal }) => {
      await recheck(scrub, [digest], signal);
      return { gone: !(await isHeld(storage, digest, signal)) };
    },
    hold: async (content, { signal }) => {
      const { repository } = content;
      const placed = placement(repository);
      if (!isPlaced(placed, region)) throw notPlaced(repository, placed, region);
      return { region, ...(await holdContent(content, options, signal)) };
    },
  };
}

/** Where bytes may go depends on whom they go to: nobody says that he is another than his certificate does. */
function requireSame(claimed: string, proven: string | undefined): void {
  if (proven === undefined || proven === claimed) return;
  throw new RegistryError(
    'DENIED',
    `Bytes are asked for the region ${quote(claimed)} with a certificate of the region ${quote(proven)}. Give the services of each region its own certificate.`,
  );
}
