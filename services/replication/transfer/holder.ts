import { RegistryError } from '#libs/oci/errors.ts';
import type { BlobsHeld } from '#types/meridian/v1/BlobsHeld.ts';
import type { Held, Holder, HoldRequest } from '../catalog/collaborators.ts';
import type { PeerDirectory } from '../peers/directory.ts';
import { batches } from './batches.ts';
import { holdContent, type HoldOptions } from './hold-content.ts';
import type { Told } from './told.ts';
import { unlessAborted } from './unless-aborted.ts';

export interface HolderOptions extends HoldOptions {
  readonly region: string;
  readonly directory: PeerDirectory;
  readonly told: Told;
  /** A region that takes longer gets a substitute, which it may still beat. */
  readonly slowHoldMs: number;
  readonly onFault: (error: unknown) => void;
}

/** Holds content in as many regions as asked, this one and the nearest; others take the place of those that fail or are slow. */
export function createHolder(options: HolderOptions): Holder {
  return {
    hold: async (request, signal) => {
      const over = new AbortController();
      const timer = setTimeout(() => over.abort(), request.timeoutMs);
      try {
        return await unlessAborted(
          holdEnough(request, options, AbortSignal.any([signal, over.signal])),
          signal,
        );
      } finally {
        clearTimeout(timer);
        // Whoever is not needed any more stops waiting; the copies it has begun go on.
        over.abort();
      }
    },
  };
}

function holdEnough(request: HoldRequest, options: HolderOptions, signal: AbortSignal): Promise<Held> {
  const epochs = new Map<string, number>();
  const candidates = reachable(request, options);
  const missing = new Set(request.regions.filter((region) => !candidates.includes(region)));
  const prompt = new Set<string>();
  let running = 0;

  return new Promise((resolve) => {
    const settle = (): void => resolve({ epochs, missing: [...missing] });
    const advance = (): void => {
      if (signal.aborted || epochs.size >= request.wanted) settle();
      else {
        while (epochs.size + prompt.size < request.wanted && candidates.length > 0)
          ask(candidates.shift() ?? '');
        if (running === 0) settle();
      }
    };
    const ask = (region: string): void => {
      running += 1;
      prompt.add(region);
      missing.add(region);
      const isSlow = setTimeout(() => {
        prompt.delete(region);
        advance();
      }, options.slowHoldMs);
      holdAt(region, request, options, signal)
        .then((epoch) => {
          epochs.set(region, epoch);
          missing.delete(region);
        })
        .catch((error: unknown) => {
          if (!signal.aborted && !(error instanceof RegistryError)) options.onFault(error);
        })
        .finally(() => {
          clearTimeout(isSlow);
          running -= 1;
          prompt.delete(region);
          advance();
        })
        .catch(options.onFault);
    };
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

/** The epoch of the region's pins: the lowest, should it have changed between two parts of the content. */
async function holdAt(
  region: string,
  { pushId, repository, blobs, from }: HoldRequest,
  options: HolderOptions,
  signal: AbortSignal,
): Promise<number> {
  let lowest = Infinity;
  for (const batch of batches(blobs)) {
    const content = { pushId, repository, blobs: [...batch], from };
    const { epoch, missing } = await holdBatchAt(region, content, options, signal);
    if (missing.length > 0) throw incomplete(region, missing);
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
  if (remote === undefined) throw incomplete(region, []);
  return remote.peer.hold(content, { signal });
}

function incomplete(region: string, missing: readonly string[]): RegistryError {
  return new RegistryError('UNAVAILABLE', `The region ${region} lacks ${missing.length} of the blobs.`, {
    detail: { missing },
  });
}
