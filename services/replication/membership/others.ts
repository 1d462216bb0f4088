import { RegistryError } from '#libs/oci/errors.ts';
import type { BlobStat } from '#types/meridian/v1/BlobStat.ts';
import type { RegionView } from '../catalog/view/view.ts';
import { ask } from '../peers/ask.ts';
import type { PeerDirectory } from '../peers/directory.ts';
import type { RemotePeer } from '../peers/remote-region.ts';

export interface OthersOptions {
  readonly view: RegionView;
  /** This region's name. */
  readonly region: string;
  readonly directory: PeerDirectory;
  readonly settings: { readonly askTimeoutMs: number };
  readonly counts: { readonly unreachable: Set<string> };
}

/** The other regions that are active in the view. */
export function activeOthers(view: RegionView, region: string): string[] {
  return view
    .regions()
    .filter(({ name, state }) => name !== region && state === 'active')
    .map(({ name }) => name);
}

/** Asks every other active region at once; gives the digests that each answered with, by its name. One that does not answer is noted, and has nothing. */
export async function askOthers(
  { view, region, directory, settings, counts }: OthersOptions,
  question: (peer: RemotePeer, signal: AbortSignal) => Promise<{ blobs: readonly BlobStat[] }>,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, ReadonlySet<string>>> {
  const answers = activeOthers(view, region).map(async (name) => {
    const remote = directory.find(name);
    try {
      if (remote?.live !== true)
        throw new RegistryError('UNAVAILABLE', `The region ${name} can't be reached.`);
      const limits = { signal, timeoutMs: settings.askTimeoutMs };
      const { blobs } = await ask(name, limits, (limited) => question(remote.peer, limited));
      return [name, new Set(blobs.map(({ digest }) => digest))] as const;
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof RegistryError)) throw error;
      counts.unreachable.add(name);
      return [name, new Set<string>()] as const;
    }
  });
  return new Map(await Promise.all(answers));
}
