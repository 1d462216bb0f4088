import { RegistryError } from '#libs/oci/errors.ts';
import { ask } from '../peers/ask.ts';
import type { PeerDirectory } from '../peers/directory.ts';
import type { RemoteRegion } from '../peers/remote-region.ts';
import type { OnPeerBytes } from '../peers/traffic.ts';
import { unlessStalled } from '../peers/unless-stalled.ts';
import { noSource, type Refusals } from './no-source.ts';

/** What is wanted of a blob, and of whom. */
export interface SourceRequest {
  readonly digest: string;
  /** Copies of another size are none of this blob. Undefined: not known. */
  readonly size: number | undefined;
  readonly offset: number;
  /** 0: up to the end. */
  readonly length: number;
  /** Known to hold it, so asked first. */
  readonly prefer?: string;
  /** Not asked at all, respectively only when nobody else has it. */
  readonly guilty: ReadonlySet<string>;
  readonly doubtful: ReadonlySet<string>;
  /**
   * Whether a copy that is still arriving at the other region will do. Only for copies that have not begun here yet: two
   * regions that follow each other would wait for ever.
   */
  readonly mayFollow: boolean;
}

/** A region that has begun to send. */
export interface Source {
  readonly region: string;
  /** From the asked offset. Throws when the region fails or stalls; may be shorter than asked when it is cut off. */
  readonly chunks: AsyncIterable<Buffer>;
  /** Ends the stream where `chunks` was not read to its end. */
  close(): Promise<void>;
}

export interface Sources {
  /** Resolves with the first region that sends. BLOB_UNKNOWN: every region said that it has none. UNAVAILABLE: some could not say. */
  open(request: SourceRequest, signal: AbortSignal): Promise<Source>;
}

export interface SourceOptions {
  readonly directory: PeerDirectory;
  readonly settings: { readonly askTimeoutMs: number; readonly stallTimeoutMs: number };
  readonly onPeerBytes: OnPeerBytes;
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
      const stopAsking = new AbortController();
      const asking = AbortSignal.any([signal, stopAsking.signal]);
      try {
        const others = candidates.filter((remote) => remote !== first);
        const answers = others.map((remote) => isHolder(remote, request, options, asking, refusals));
        if (first !== undefined) {
          const source = await begin(first, request, options, signal, refusals);
          if (source !== undefined) return source;
        }
        for await (const holder of trustedFirst(answers, request.doubtful)) {
          const source = await begin(holder, request, options, signal, refusals);
          if (source !== undefined) return source;
        }
      } finally {
        stopAsking.abort();
      }
      signal.throwIfAborted();
      throw noSource(request.digest, refusals, options.directory.isComplete());
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
    refusals.set(remote.region, reasonOf(error));
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

/** Opens the stream and waits for its first bytes; undefined when there are none to be had, and why in `refusals`. */
async function begin(
  { region, peer }: RemoteRegion,
  { digest, offset, length, mayFollow }: SourceRequest,
  { settings, onPeerBytes }: SourceOptions,
  signal: AbortSignal,
  refusals: Refusals,
): Promise<Source | undefined> {
  // A region that only may have it keeps nobody from asking the next one for long.
  const ended = new AbortController();
  const firstTimeoutMs = mayFollow ? settings.askTimeoutMs : settings.stallTimeoutMs;
  const stream = unlessStalled(
    region,
    {
      signal: AbortSignal.any([signal, ended.signal]),
      firstTimeoutMs,
      stallTimeoutMs: settings.stallTimeoutMs,
    },
    (limited) => peer.read({ digest, offset, length }, { signal: limited }),
  );
  try {
    const first = await stream.next();
    return {
      region,
      chunks: counted(first, stream, (bytes) => onPeerBytes(region, 'received', bytes)),
      close: async () => {
        ended.abort(new Error('The copy needs no more.'));
        await stream.return();
      },
    };
  } catch (error) {
    signal.throwIfAborted();
    const code = error instanceof RegistryError ? error.code : undefined;
    if (code === 'RANGE_INVALID') throw error;
    if (code !== 'BLOB_UNKNOWN') refusals.set(region, reasonOf(error));
    return undefined;
  }
}

async function* counted(
  first: IteratorResult<Buffer, void>,
  rest: AsyncGenerator<Buffer, void, undefined>,
  count: (bytes: number) => void,
): AsyncGenerator<Buffer, void, undefined> {
  try {
    for (let step = first; step.done !== true; step = await rest.next()) {
      count(step.value.length);
      yield step.value;
    }
  } finally {
    await rest.return();
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
