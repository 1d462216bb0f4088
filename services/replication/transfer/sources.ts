import { bounded } from '#libs/bounded.ts';
import { ask } from '../peers/ask.ts';
import type { PeerDirectory } from '../peers/directory.ts';
import type { RemoteRegion } from '../peers/remote-region.ts';
import { beginSource, type Source, type SourceRequest, type StreamOptions } from './begin-source.ts';
import { noSource, sentenceOf, type Refusals } from './no-source.ts';

export interface Sources {
  /** Resolves with the first region that sends. BLOB_UNKNOWN: every region said that it has none. UNAVAILABLE: some could not say. */
  open(request: SourceRequest, signal: AbortSignal): Promise<Source>;
  /** The region that `open` asks first; undefined: none is there. */
  likeliest(request: SourceRequest): string | undefined;
  /** The same at a region that is known to send. */
  at(region: string, request: SourceRequest, signal: AbortSignal): Promise<Source>;
}

export interface SourceOptions extends StreamOptions {
  readonly directory: PeerDirectory;
}

/**
 * The nearest region (or the preferred one) is asked for the bytes at once, so that the first byte needs one round trip; all others are
 * asked meanwhile whether they hold the blob.
 */
export function createSources(options: SourceOptions): Sources {
  return {
    open: async (request, signal) => {
      const refusals: Refusals = new Map();
      const candidates = candidatesFor(request, options.directory, refusals);
      const [nearest] = candidates;
      const first = request.mayFollow || nearest?.region === request.prefer ? nearest : undefined;
      using asking = bounded(signal);
      try {
        const others = candidates.filter((remote) => remote !== first);
        const answers = others.map((remote) => isHolder(remote, request, options, asking.signal, refusals));
        if (first !== undefined) {
          const source = await beginSource(first, request, options, signal, refusals);
          if (source !== undefined) return source;
        }
        for await (const holder of trustedFirst(answers, request.doubtful)) {
          const source = await beginSource(holder, request, options, signal, refusals);
          if (source !== undefined) return source;
        }
      } finally {
        asking.abort();
      }
      signal.throwIfAborted();
      throw noSource(request.digest, refusals, options.directory.isComplete());
    },
    likeliest: (request) => candidatesFor(request, options.directory, new Map())[0]?.region,
    at: async (region, request, signal) => {
      const refusals: Refusals = new Map();
      const remote = options.directory.find(region);
      const source = remote && (await beginSource(remote, request, options, signal, refusals));
      if (source !== undefined) return source;
      if (refusals.size === 0) refusals.set(region, 'it does not have it any more');
      throw noSource(request.digest, refusals, true);
    },
  };
}

function candidatesFor(
  request: SourceRequest,
  directory: PeerDirectory,
  refusals: Refusals,
): readonly RemoteRegion[] {
  const candidates: RemoteRegion[] = [];
  for (const remote of directory.nearestFirst()) {
    if (!remote.live) refusals.set(remote.region, 'it does not answer');
    else if (request.guilty.has(remote.region)) refusals.set(remote.region, 'it sent wrong bytes');
    else candidates.push(remote);
  }
  const rank = ({ region }: RemoteRegion): number =>
    request.doubtful.has(region) ? 2 : region === request.prefer ? 0 : 1;
  return candidates.sort((a, b) => rank(a) - rank(b));
}

/** The region, if it says that it holds the blob whole; why not goes into `refusals`. Never rejects. */
async function isHolder(
  remote: RemoteRegion,
  { digest, size }: SourceRequest,
  { settings }: SourceOptions,
  signal: AbortSignal,
  refusals: Refusals,
): Promise<RemoteRegion | undefined> {
  try {
    const limits = { signal, timeoutMs: settings.askTimeoutMs };
    const { blobs } = await ask(remote.region, limits, (limited) =>
      remote.peer.stat({ digests: [digest] }, { signal: limited }),
    );
    const [held] = blobs;
    return held !== undefined && (size === undefined || held.size === size) ? remote : undefined;
  } catch (error) {
    refusals.set(remote.region, sentenceOf(error));
    return undefined;
  }
}

/** Regions in the order in which they answer; doubtful ones wait until all others were tried. */
async function* trustedFirst(
  answers: Promise<RemoteRegion | undefined>[],
  doubtful: ReadonlySet<string>,
): AsyncGenerator<RemoteRegion, void, undefined> {
  const pending = new Map(answers.map((answer, i) => [i, answer.then((remote) => ({ i, remote }))]));
  const last: RemoteRegion[] = [];
  while (pending.size > 0) {
    const { i, remote } = await Promise.race(pending.values());
    pending.delete(i);
    if (remote === undefined) continue;
    if (doubtful.has(remote.region)) last.push(remote);
    else yield remote;
  }
  yield* last;
}
