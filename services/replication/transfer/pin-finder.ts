import { abortable } from '#libs/abortable.ts';
import { bounded } from '#libs/bounded.ts';
import { isDigest, type Digest } from '#libs/oci/digest.ts';
import type { Storage } from '#libs/rpc/contracts.ts';
import type { FindPins } from '#types/meridian/v1/FindPins.ts';
import type { PinsFound } from '#types/meridian/v1/PinsFound.ts';
import type { PinFinder } from '../catalog/collaborators.ts';
import { ask } from '../peers/ask.ts';
import type { PeerDirectory } from '../peers/directory.ts';
import { batches } from './batches.ts';

export interface PinFinderOptions {
  readonly region: string;
  readonly storage: Storage;
  readonly directory: PeerDirectory;
  readonly askTimeoutMs: number;
}

type FindAt = (request: FindPins, context: { signal: AbortSignal }) => Promise<PinsFound>;

/** Asks the own storage and all other regions at once, and does not wait for the slow ones once everything is found. */
export function createPinFinder({ region, storage, directory, askTimeoutMs }: PinFinderOptions): PinFinder {
  return {
    reachesAll: () => directory.isComplete() && directory.nearestFirst().every(({ live }) => live),
    find: async (repository, digests, signal) => {
      const sizes = new Map<Digest, number>();
      const givenUp = new Set<Digest>();
      const unreachable: string[] = [];
      using enough = bounded(signal);
      const limits = { signal: enough.signal, timeoutMs: askTimeoutMs };
      const wanted = new Set<string>(digests);
      // However busy this machine is, its own storage knows for certain.
      const askOwn = (find: (signal: AbortSignal) => Promise<PinsFound>): Promise<PinsFound> =>
        find(limits.signal);
      const findAt = async (find: FindAt, call: typeof askOwn): Promise<void> => {
        for (const batch of batches(digests)) {
          const request = { repository, digests: [...batch] };
          const found = await call((limited) => find(request, { signal: limited }));
          for (const { digest, size } of found.blobs) {
            if (wanted.has(digest) && isDigest(digest)) sizes.set(digest, size);
          }
          for (const digest of found.givenUp) if (isDigest(digest)) givenUp.add(digest);
          if (sizes.size === wanted.size) enough.abort();
        }
      };
      const asked = directory.nearestFirst().map(async (remote) => {
        if (!remote.live) unreachable.push(remote.region);
        else {
          const call: typeof askOwn = (find) => ask(remote.region, limits, find);
          await findAt(remote.peer.pins, call).catch(() => unreachable.push(remote.region));
        }
      });
      asked.push(findAt(storage.pins, askOwn).catch(() => void unreachable.push(region)));
      await abortable(Promise.race([Promise.all(asked), aborted(enough.signal)]), signal);
      return { sizes, givenUp, unreachable: sizes.size === wanted.size ? [] : unreachable };
    },
  };
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}
