import { randomUUID } from 'node:crypto';
import { RegistryError } from '#libs/oci/errors.ts';
import { parseRepositoryName } from '#libs/oci/name.ts';
import { isPlaced, type Placement } from '#libs/placement.ts';
import type { BlobStat } from '#types/meridian/v1/BlobStat.ts';
import { placementInView } from '../catalog/placement.ts';
import type { RepositoryView } from '../catalog/view/view.ts';
import { ask } from '../peers/ask.ts';
import type { PeerDirectory } from '../peers/directory.ts';
import type { RemoteRegion } from '../peers/remote-region.ts';

export interface HandOverOptions {
  /** This region's name. */
  readonly region: string;
  readonly directory: PeerDirectory;
  readonly view: RepositoryView;
  readonly settings: { readonly handOverTimeoutMs: number };
}

/** The active regions that answer and where the content may be, the nearest first. */
function heirs(directory: PeerDirectory, placement: Placement): RemoteRegion[] {
  return directory
    .nearestFirst()
    .filter(({ region, live, state }) => live && state === 'active' && isPlaced(placement, region));
}

/**
 * Has another region copy blobs from here and pin them for the repository, durably; the nearest that can. Gives those that no region took:
 * they are not held here any more, or no region can take them now.
 */
export async function handOver(
  { region, directory, view, settings }: HandOverOptions,
  repository: string,
  blobs: readonly BlobStat[],
  signal: AbortSignal,
): Promise<BlobStat[]> {
  let left = [...blobs];
  const limits = { signal, timeoutMs: settings.handOverTimeoutMs };
  for (const heir of heirs(directory, placementInView(view, parseRepositoryName(repository)))) {
    if (left.length === 0) break;
    const content = { pushId: randomUUID(), repository, blobs: left, from: region, along: [] };
    try {
      const { missing } = await ask(heir.region, limits, (limited) =>
        heir.peer.hold(content, { signal: limited }),
      );
      left = left.filter(({ digest }) => missing.includes(digest));
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof RegistryError)) throw error;
    }
  }
  return left;
}
