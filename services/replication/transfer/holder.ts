import { abortable } from '#libs/abortable.ts';
import { bounded } from '#libs/bounded.ts';
import { RegistryError } from '#libs/oci/errors.ts';
import { placementRefusal } from '#libs/placement.ts';
import type { BlobsHeld } from '#types/meridian/v1/BlobsHeld.ts';
import type { Held, Holder, HoldRequest } from '../catalog/collaborators.ts';
import type { PeerDirectory } from '../peers/directory.ts';
import { batches } from './batches.ts';
import { holdContent, type HoldOptions } from './hold-content.ts';
import type { Told } from './told.ts';

export interface HolderOptions extends HoldOptions {
  readonly region: string;
  readonly directory: PeerDirectory;
  readonly told: Told;
  /** A region that takes longer gets a substitute, which it may still beat. */
  readonly slowHoldMs: number;
  readonly onFault: (error: unknown) => void;
}

/**
 * A region that lacks content so often, although it answers, will not get it: whoever had it has lost it meanwhile. Nor will one that has refused
 * it so often, since where it may be has changed: one whose view was behind has caught up by then.
 */
const MAX_LACKING = 3;

/**
 * Holds content in as many regions as asked, this one and the nearest; others take the place of those that fail or are slow. While too few
 * can be reached it waits, until its deadline, for one that answers again.
 */
export function createHolder(options: HolderOptions): Holder {
  return {
    hold: async (request, signal) => {
      using over = bounded(signal, request.timeoutMs);
      try {
        return await abortable(holdEnough(request, options, over.signal), signal);
      } finally {
        // Whoever is not needed any more stops waiting; the copies it has begun go on.
        over.abort();
      }
    },
  };
}

function holdEnough(request: HoldRequest, options: HolderOptions, signal: AbortSignal): Promise<Held> {
  const epochs = new Map<string, number>();
  const asked = new Set<string>();
  /** Those asked that are not slow yet. */
  const prompt = new Set<string>();
  /** Asked in vain; another region is asked again once it answers a ping. */
  const failed = new Set<string>();
  /** How often it answered that it lacks some of the content, or must not have it. */
  const lacking = new Map<string, number>();
  const isHopeful = (region: string): boolean => (lacking.get(region) ?? 0) < MAX_LACKING;

  const lacks = (region: string): void => {
    failed.add(region);
    lacking.set(region, (lacking.get(region) ?? 0) + 1);
  };

  return new Promise((resolve) => {
    const settle = (): void => {
      unsubscribe();
      resolve({ epochs, missing: request.regions.filter((region) => !epochs.has(region)) });
    };
    const advance = (): void => {
      if (signal.aborted || epochs.size >= request.wanted) {
        settle();
        return;
      }
      for (const region of reachable(request, options)) {
        if (epochs.size + prompt.size >= request.wanted) break;
        if (!epochs.has(region) && !asked.has(region) && !failed.has(region)) ask(region);
      }
      const hopeful = request.regions.filter((region) => epochs.has(region) || isHopeful(region));
      // What this region has not got itself, and can't get, others will not get from it later.
      if (asked.size === 0 && (failed.has(options.region) || hopeful.length < request.wanted)) settle();
    };
    const ask = (region: string): void => {
      asked.add(region);
      prompt.add(region);
      const isSlow = setTimeout(() => {
        prompt.delete(region);
        advance();
      }, options.slowHoldMs);
      holdAt(region, request, options, signal)
        .then((epoch) => {
          if (epoch === undefined) lacks(region);
          else epochs.set(region, epoch);
        })
        .catch((error: unknown) => {
          if (placementRefusal(error) !== undefined) lacks(region);
          failed.add(region);
          if (!signal.aborted && !(error instanceof RegistryError)) options.onFault(error);
        })
        .finally(() => {
          clearTimeout(isSlow);
          asked.delete(region);
          prompt.delete(region);
          advance();
        })
        .catch(options.onFault);
    };
    const unsubscribe = options.directory.onAnswer((region) => {
      if (isHopeful(region)) failed.delete(region);
      advance();
    });
    signal.addEventListener('abort', settle, { once: true });
    advance();
  });
}

/** The own region, then the others that answer: those told of the repository's blobs, then the nearest. */
function reachable(
  { regions, repository }: HoldRequest,
  { region, directory, told }: HolderOptions,
): string[] {
  const live = directory.nearestFirst().filter((remote) => remote.live);
  const others = told.first(repository, live);
  return [region, ...others.map((remote) => remote.region)].filter((name) => regions.includes(name));
}

/** The epoch of the region's pins: the lowest, should it have changed between two parts of the content. Undefined where it lacks some of it. */
async function holdAt(
  region: string,
  { pushId, repository, blobs, from, along = [] }: HoldRequest,
  options: HolderOptions,
  signal: AbortSignal,
): Promise<number | undefined> {
  let lowest = Infinity;
  for (const batch of batches(blobs)) {
    const bytes = along.filter(({ digest }) => batch.some((blob) => blob.digest === digest));
    const content = { pushId, repository, blobs: [...batch], from, along: bytes };
    const { epoch, missing } = await holdBatchAt(region, content, options, signal);
    if (missing.length > 0) return undefined;
    lowest = Math.min(lowest, epoch);
  }
  return lowest;
}

async function holdBatchAt(
  region: string,
  content: Parameters<typeof holdContent>[0],
  options: HolderOptions,
  signal: AbortSignal,
): Promise<BlobsHeld> {
  if (region === options.region) return holdContent(content, options, signal);
  const remote = options.directory.find(region);
  if (remote === undefined)
    throw new RegistryError('UNAVAILABLE', `The region ${region} has left the cluster.`);
  return remote.peer.hold(content, { signal });
}
