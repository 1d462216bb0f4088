import { randomUUID } from 'node:crypto';
import { RegistryError } from '#libs/oci/errors.ts';
import type { BlobStat } from '#types/meridian/v1/BlobStat.ts';
import { ask } from '../peers/ask.ts';
import type { PeerDirectory } from '../peers/directory.ts';
import type { RemoteRegion } from '../peers/remote-region.ts';

export interface HandOverOptions {
  /** This region's name. */
  readonly region: string;
  readonly directory: PeerDirectory;
  readonly settings: { readonly handOverTimeoutMs: number };
}

/** The active regions that answer, the nearest first. */
export function heirs(directory: PeerDirectory): RemoteRegion[] {
  return directory.nearestFirst().filter(({ live, state }) => live && state === 'active');
}

/**
 * Has another region copy blobs from here and pin them for the repository, durably; the nearest that can. Gives those that no region took:
 * they are not held here any more, or no region can take them now.
 */
export async function handOver(
  { region, directory, settings }: HandOverOptions,
  repository: string,
  blobs: readonly BlobStat[],
  signal: AbortSignal,
): Promise<BlobStat[]> {
  let left = [...blobs];
  const limits = { signal, timeoutMs: settings.handOverTimeoutMs };
  for (const heir of heirs(directory)) {
    if (left.length === 0) break;
    const content = { pushId: randomUUID(), repository, blobs: left, from: region };
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
