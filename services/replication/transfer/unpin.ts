import { abortable } from '#libs/abortable.ts';
import type { Storage } from '#libs/rpc/contracts.ts';
import type { BlobsUnpinned } from '#types/meridian/v1/BlobsUnpinned.ts';
import type { Unpinner } from '../catalog/collaborators.ts';
import { ask } from '../peers/ask.ts';
import type { PeerDirectory } from '../peers/directory.ts';

export interface UnpinnerOptions {
  readonly region: string;
  readonly storage: Storage;
  readonly directory: PeerDirectory;
  readonly askTimeoutMs: number;
}

/** Asks the own storage and the other regions at once. */
export function createUnpinner({ region, storage, directory, askTimeoutMs }: UnpinnerOptions): Unpinner {
  return {
    unpin: async (repository, digest, regions, signal) => {
      const request = { repository, digests: [digest] };
      const unpinAt = async (name: string): Promise<BlobsUnpinned | undefined> => {
        if (name === region) return storage.unpin(request, { signal });
        const remote = directory.find(name);
        // A region that was not met yet, or is taken for lost, is no region without pins.
        if (remote?.live !== true) return undefined;
        const limits = { signal, timeoutMs: askTimeoutMs };
        return ask(name, limits, (limited) => remote.peer.unpin(request, { signal: limited }));
      };
      const done: string[] = [];
      const unreachable: string[] = [];
      let pinned = false;
      const asked = [...new Set([region, ...regions])].map(async (name) => {
        const unpinned = await unpinAt(name).catch(() => undefined);
        if (unpinned === undefined) unreachable.push(name);
        else {
          pinned ||= unpinned.digests.length > 0;
          done.push(name);
        }
      });
      await abortable(Promise.all(asked), signal);
      return { done: done.sort(), pinned, unreachable: unreachable.sort() };
    },
  };
}
