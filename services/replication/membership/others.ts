import { RegistryError } from '#libs/oci/errors.ts';
import type { Peer } from '#libs/rpc/contracts.ts';
import type { BlobStat } from '#types/meridian/v1/BlobStat.ts';
import type { RegionView } from '../catalog/view/view.ts';
import { ask } from '../peers/ask.ts';
import type { PeerDirectory } from '../peers/directory.ts';

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

/** Asks every other active region at once; gives the digests that each answered with. One that does not answer is noted, and has nothing. */
export async function askOthers(
  { view, region, directory, settings, counts }: OthersOptions,
  question: (peer: Peer, signal: AbortSignal) => Promise<{ blobs: readonly BlobStat[] }>,
  signal: AbortSignal,
): Promise<ReadonlySet<string>[]> {
  const answers = activeOthers(view, region).map(async (name) => {
    const remote = directory.find(name);
    try {
      if (remote?.live !== true)
        throw new RegistryError('UNAVAILABLE', `The region ${name} can't be reached.`);
      const limits = { signal, timeoutMs: settings.askTimeoutMs };
      const { blobs } = await ask(name, limits, (limited) => question(remote.peer, limited));
      return new Set(blobs.map(({ digest }) => digest));
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof RegistryError)) throw error;
      counts.unreachable.add(name);
      return new Set<string>();
    }
  });
  return Promise.all(answers);
}
