import { ask } from '../peers/ask.ts';
import type { PeerDirectory } from '../peers/directory.ts';
import type { Suspects } from './suspects.ts';

export interface AccuseOptions {
  readonly directory: PeerDirectory;
  readonly suspects: Suspects;
  /** What a region may take to read the whole blob again. */
  readonly suspectTimeoutMs: number;
  readonly signal: AbortSignal;
}

/**
 * Gives what tells regions that they sent wrong bytes. One that finds its copy damaged has put it away, and is no suspect any more: it says by
 * itself that it does not have the blob.
 */
export function createAccuse({ directory, suspects, suspectTimeoutMs, signal }: AccuseOptions) {
  const tell = async (digest: string, region: string): Promise<void> => {
    const remote = directory.find(region);
    if (remote === undefined) return;
    const limits = { signal, timeoutMs: suspectTimeoutMs };
    const { gone } = await ask(region, limits, (limited) =>
      remote.peer.suspect({ digest }, { signal: limited }),
    );
    if (gone) suspects.forgive(digest, region);
  };
  return (digest: string, regions: ReadonlySet<string>): void => {
    // A region that can't be told finds the damage by itself, later.
    for (const region of regions) tell(digest, region).catch(() => undefined);
  };
}
