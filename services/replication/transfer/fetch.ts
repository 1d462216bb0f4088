import { RegistryError } from '#libs/oci/errors.ts';
import type { Storage } from '#libs/rpc/contracts.ts';
import { copyBlob } from './copy.ts';
import type { RequireRoom } from './disk-room.ts';
import { createGate, type Gate } from './gate.ts';
import { isHeld, untilCopiedElsewhere, untilReadable } from './readable.ts';
import type { Sources } from './sources.ts';
import type { Suspects } from './suspects.ts';
import type { Priority, Turn, Turns } from './turns.ts';
import { unlessAborted } from './unless-aborted.ts';

export interface FetchRequest {
  /** Whom the blob is stored for. */
  readonly repository: string;
  readonly digest: string;
  readonly size: number;
  /** A region that is known to hold it. */
  readonly from?: string;
  readonly priority: Priority;
}

/** Brings blobs of other regions into this one's storage, each once however many ask. */
export interface Fetcher {
  /**
   * Starts to copy a blob or joins the copy under way. The copy goes on whoever waits for it. Both promises reject with BLOB_UNKNOWN when no
   * region has it, and with UNAVAILABLE when it can't be had now: try again, or relay.
   */
  fetch(request: FetchRequest): Fetching;
  /** Ends all copies; resolves when they have ended. */
  stop(): Promise<void>;
}

export interface Fetching {
  /** Its turn has come: until then it waits for other copies. */
  begun(signal: AbortSignal): Promise<void>;
  /** Storage.Read can follow it. */
  readable(signal: AbortSignal): Promise<void>;
  /** The blob is held whole. */
  held(signal: AbortSignal): Promise<void>;
}

/** A blob of another region is held here now. */
export type OnCopied = (copied: { digest: string; size: number; from: string }) => void;

export interface FetcherOptions {
  readonly storage: Storage;
  readonly sources: Sources;
  readonly suspects: Suspects;
  readonly turns: Turns;
  readonly requireRoom: RequireRoom;
  readonly onCopied: OnCopied;
  /** Wrong bytes came from another region; the blob is fetched again. */
  readonly onFault: (error: unknown) => void;
}

/** Every wrong copy makes one region a suspect, so more attempts than regions are of no use. */
const MAX_ATTEMPTS = 6;

interface Running extends Fetching {
  readonly turn: Turn;
  readonly ended: Promise<void>;
}

export function createFetcher(options: FetcherOptions): Fetcher {
  const running = new Map<string, Running>();
  const stopped = new AbortController();
  return {
    fetch: (request) => {
      const joined = running.get(request.digest);
      joined?.turn.raise(request.priority);
      if (joined !== undefined) return joined;
      const started = start(request, options, stopped.signal);
      running.set(request.digest, started);
      const forget = (): boolean => running.delete(request.digest);
      started.ended.then(forget, forget);
      return started;
    },
    stop: async () => {
      stopped.abort(
        new RegistryError('UNAVAILABLE', 'This region is being stopped. Try another one.', {
          retryAfterSeconds: 1,
        }),
      );
      await Promise.allSettled([...running.values()].map(({ ended }) => ended));
    },
  };
}

function start(request: FetchRequest, options: FetcherOptions, stopSignal: AbortSignal): Running {
  const turn = options.turns.take(request.priority, stopSignal);
  const gate = createGate();
  const ended = bringIn(request, turn, gate, options, stopSignal).finally(() => turn.end());
  // Whoever waits gets the rejection; a copy that nobody waits for may fail unheard, for the reconcile loop asks again.
  ended.then(gate.open, gate.fail);
  const begun = Promise.race([turn.begun, ended]);
  begun.catch(() => undefined);
  return {
    turn,
    ended,
    begun: (signal) => unlessAborted(begun, signal),
    readable: (signal) => unlessAborted(gate.opened(), signal),
    held: (signal) => unlessAborted(ended, signal),
  };
}

/** Copies the blob, again and again while the bytes that came were wrong. The gate is open while the storage can be read. */
async function bringIn(
  request: FetchRequest,
  turn: Turn,
  gate: Gate,
  options: FetcherOptions,
  signal: AbortSignal,
): Promise<void> {
  const { digest, size } = request;
  if (await isHeld(options.storage, digest, signal)) return;
  await turn.begun;
  await options.requireRoom(size, signal);
  let wrong = false;
  for (let attempt = 1; ; attempt++) {
    const contributors = new Set<string>();
    try {
      await attemptCopy(request, wrong, contributors, options, signal, gate.open);
      options.onCopied({ digest, size, from: [...contributors].join(', ') });
      return;
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof RegistryError) || attempt === MAX_ATTEMPTS) throw error;
      if (error.code === 'DIGEST_INVALID' || error.code === 'SIZE_INVALID') {
        wrong = true;
        options.suspects.blame(digest, contributors);
        options.onFault(wrongBytes(digest, contributors, error));
      } else if (error.code === 'CONFLICT') {
        gate.open();
        if (await untilCopiedElsewhere(options.storage, digest, signal)) return;
      } else if (!wrong || contributors.size === 0) {
        throw error;
      }
      gate.shut();
    }
  }
}

async function attemptCopy(
  request: FetchRequest,
  single: boolean,
  contributors: Set<string>,
  { storage, sources, suspects }: FetcherOptions,
  signal: AbortSignal,
  onReadable: () => void,
): Promise<void> {
  const { repository, digest, size, from } = request;
  const over = new AbortController();
  const onBegun = (): void => {
    untilReadable(storage, digest, AbortSignal.any([signal, over.signal])).then(onReadable, () => undefined);
  };
  const job = {
    repository,
    digest,
    size,
    ...(from === undefined ? {} : { prefer: from }),
    guilty: suspects.guilty(digest),
    doubtful: suspects.doubtful(digest),
    single,
    onBegun: once(onBegun),
  };
  try {
    await copyBlob(job, contributors, { storage, sources }, signal);
  } finally {
    over.abort();
  }
}

function once(action: () => void): () => void {
  let done = false;
  return () => {
    if (!done) action();
    done = true;
  };
}

function wrongBytes(digest: string, regions: ReadonlySet<string>, cause: unknown): Error {
  const from = [...regions].join(' and ');
  return new Error(
    `The bytes that ${from} sent for the blob ${digest} were wrong; they are discarded, and others are asked.`,
    { cause },
  );
}
