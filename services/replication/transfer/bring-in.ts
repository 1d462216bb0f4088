import { RegistryError } from '#libs/oci/errors.ts';
import type { Leases } from '#libs/cache/leases.ts';
import { copyBlob, type CopyTools } from './copy.ts';
import type { RequireRoom } from './disk-room.ts';
import type { Gate } from './gate.ts';
import { isHeld, untilCopiedElsewhere, untilReadable } from './readable.ts';
import { untilSole } from './sole-copy.ts';
import type { Suspects } from './suspects.ts';
import type { Turn } from './turns.ts';

export interface CopyRequest {
  /** Whom the blob is pinned for; '' for nobody. */
  readonly repository: string;
  readonly digest: string;
  readonly size: number;
  /** A region that is known to hold it. */
  readonly from?: string;
  /** All of it, where that region has sent it unasked. */
  readonly data?: Buffer;
}

/** A blob of another region is held here now. */
export type OnCopied = (copied: { digest: string; size: number; from: string }) => void;

export interface CopyOptions extends CopyTools {
  readonly suspects: Suspects;
  readonly requireRoom: RequireRoom;
  /** Shared by the region's replication processes, so that one of them copies. */
  readonly leases: Leases;
  readonly onCopied: OnCopied;
  /** Tells the regions that sent wrong bytes, so that they look at their copies. */
  readonly accuse: (digest: string, regions: ReadonlySet<string>) => void;
  /** Wrong bytes came from another region; the blob is fetched again. */
  readonly onFault: (error: unknown) => void;
}

/** Every wrong copy makes one region a suspect, so more attempts than regions are of no use. */
const MAX_ATTEMPTS = 6;

/**
 * Copies the blob, once it is its turn and no other process of this region does, and again while the bytes that came were wrong. The gate
 * is open while the storage can be read.
 */
export async function bringIn(
  request: CopyRequest,
  turn: Turn,
  gate: Gate,
  options: CopyOptions,
  signal: AbortSignal,
): Promise<void> {
  const { digest, size } = request;
  if (await isHeld(options.storage, digest, signal)) return;
  await turn.begun;
  await options.requireRoom(size, signal);
  const waiting = { isUrgent: turn.isUrgent(), onReadable: gate.open };
  const release = await untilSole(digest, options, waiting, signal);
  try {
    if (release !== undefined) await copyVerified(request, turn, gate, options, signal);
  } finally {
    await release?.();
  }
}

async function copyVerified(
  request: CopyRequest,
  turn: Turn,
  gate: Gate,
  options: CopyOptions,
  signal: AbortSignal,
): Promise<void> {
  const { digest, size } = request;
  let wrong = false;
  for (let attempt = 1; ; attempt++) {
    const contributors = new Set<string>();
    try {
      await attemptCopy(request, turn, wrong, contributors, options, signal, gate.open);
      options.onCopied({ digest, size, from: [...contributors].join(', ') });
      return;
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof RegistryError) || attempt === MAX_ATTEMPTS) throw error;
      if (error.code === 'DIGEST_INVALID' || error.code === 'SIZE_INVALID') {
        wrong = true;
        options.suspects.blame(digest, contributors);
        options.accuse(digest, contributors);
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
  request: CopyRequest,
  turn: Turn,
  single: boolean,
  contributors: Set<string>,
  options: CopyOptions,
  signal: AbortSignal,
  onReadable: () => void,
): Promise<void> {
  const { repository, digest, size, from, data } = request;
  const { storage, suspects } = options;
  const over = new AbortController();
  const onBegun = (): void => {
    untilReadable(storage, digest, AbortSignal.any([signal, over.signal])).then(onReadable, () => undefined);
  };
  const job = {
    repository,
    digest,
    size,
    ...(from === undefined ? {} : { prefer: from }),
    ...(from === undefined || data === undefined ? {} : { sent: { region: from, data } }),
    guilty: suspects.guilty(digest),
    doubtful: suspects.doubtful(digest),
    single,
    rank: () => turn.rank(),
    onBegun: once(onBegun),
  };
  try {
    await copyBlob(job, contributors, options, signal);
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
