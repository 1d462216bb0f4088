import { LRUCache } from 'lru-cache';
import { algorithmOf, digestOf, type Digest } from '#libs/oci/digest.ts';
import { RegistryError } from '#libs/oci/errors.ts';
import type { ByteRange } from '#libs/oci/range.ts';
import type { Storage, Transfer } from '#libs/rpc/contracts.ts';
import { Unanswered } from '#libs/rpc/errors.ts';
import { goingOn } from './going-on.ts';
import { readHeldBlob } from './held-blob.ts';
import { hurry } from './hurry.ts';
import { inPieces, type ReadLimits, type ReadPiece } from './pieces.ts';
import { started } from './started.ts';
import { unavailable } from './unavailable.ts';
import { unknown } from './unknown.ts';
import type { Verification } from './verification.ts';

/** Bytes that the catalog has said to be the repository's. */
export interface Content {
  readonly repository: string;
  readonly digest: Digest;
  readonly size: number;
}

/** Whoever asks; the signal is looked at only where something must be read. */
export interface Asking {
  readonly signal: AbortSignal;
}

/** Bytes as they come. */
export interface Streamed {
  readonly bytes: AsyncIterable<Uint8Array>;
  /** Their last one comes only if all are the digest's, so that nobody else has to hash them. */
  readonly isVerified: boolean;
}

/** Reads content that the repository is known to own, from this region or, while it is not here yet, through it. */
export interface ContentReader {
  /** All bytes of small content, verified. Only for what fits in memory. */
  whole(content: Content, request: Asking): Promise<Buffer>;
  /**
   * The bytes, or those of `range`. Resolves once the first are there, so that until then an error can still be answered as one.
   * The caller iterates to the end or returns.
   */
  stream(content: Content, range: ByteRange | undefined, signal: AbortSignal): Promise<Streamed>;
  /** Keeps bytes that will be asked for soon; they must be those of the digest. */
  keep(digest: Digest, bytes: Buffer): void;
}

/** Rounds of fetching and reading: a copy that is under way may fail just before it is read. */
const MAX_ROUNDS = 3;

/** What an entry costs besides its bytes. */
const ENTRY_BYTES = 512;

export function createContentReader(options: {
  storage: Pick<Storage, 'read' | 'stat'>;
  transfer: Pick<Transfer, 'fetch' | 'relay'>;
  /** Where the bytes come from while storage is away. */
  elsewhere: Pick<Transfer, 'relay'>;
  verification: Pick<Verification, 'isGone'>;
  /** Whether storage runs in this process: then it does not go away midway, and what it says of bytes holds to their end. */
  isStorageHere: boolean;
  maxCachedBytes: number;
  limits: ReadLimits;
}): ContentReader {
  const { storage, transfer, elsewhere, verification, limits } = options;
  const cache = new LRUCache<Digest, Buffer>({
    maxSize: options.maxCachedBytes,
    sizeCalculation: (bytes) => bytes.byteLength + ENTRY_BYTES,
  });

  const relayed = (
    from: Pick<Transfer, 'relay'>,
    { digest }: Content,
    part: ByteRange,
    signal: AbortSignal,
  ): AsyncIterable<Uint8Array> => {
    const read: ReadPiece = (piece) =>
      from.relay({ digest, ...piece, maxAhead: MAX_AHEAD_BYTES }, { signal });
    return inPieces(read, part, limits, signal);
  };

  const passedOn = async (...from: Parameters<typeof relayed>): Promise<Streamed> => {
    try {
      return { bytes: await started(relayed(...from)), isVerified: false };
    } catch (error) {
      throw unavailable(from[1], error);
    }
  };

  /** Reads `here`, where the blob is held, is arriving or has been fetched to; what can't be followed passes through. */
  const read = async (
    content: Content,
    part: ByteRange,
    here: (onVerified: () => void) => AsyncIterable<Uint8Array>,
    signal: AbortSignal,
  ): Promise<Streamed> => {
    const { digest, size } = content;
    for (let round = 1; ; round++) {
      try {
        let isVerified = false;
        const bytes = await started(here(() => (isVerified = true)));
        // It comes all the same where that fails.
        if (round === 1 && isWorthACopy(part, size)) hurry(content, options, signal).catch(() => undefined);
        return { bytes, isVerified };
      } catch (error) {
        if (error instanceof Unanswered) return passedOn(elsewhere, content, part, signal);
        const isGone = unknown(error) || (round === 1 && (await verification.isGone(digest, signal)));
        if (!isGone || round === MAX_ROUNDS) throw unavailable(content, error);
      }
      try {
        if (isWorthACopy(part, size) && (await isFollowable(transfer, content, signal))) continue;
      } catch (error) {
        throw unavailable(content, error);
      }
      return passedOn(transfer, content, part, signal);
    }
  };

  /** Whoever calls verifies it, so it need not be read in pieces. */
  const readWhole = async (content: Content, signal: AbortSignal): Promise<Buffer> => {
    const { digest, size } = content;
    const here = (): AsyncIterable<Uint8Array> =>
      dataOf(storage.read({ digest, offset: 0, length: 0 }, { signal }));
    try {
      const { bytes } = await read(content, { offset: 0, length: size }, here, signal);
      return await collect(bytes);
    } catch (error) {
      throw unavailable(content, error);
    }
  };

  return {
    stream: (content, range, signal) => {
      const part = range ?? { offset: 0, length: content.size };
      const near = part.length < MIN_COPIED_REST_BYTES ? { maxAhead: MAX_AHEAD_BYTES } : {};
      const held = (onArriving?: () => void): AsyncIterable<Uint8Array> =>
        readHeldBlob(storage, { ...content, ...near }, part, limits, signal, onArriving);
      // A whole blob may come from two places: what storage here does not verify, whoever sends it hashes. Those of a part can't be told from wrong ones.
      if (part.length < content.size) return read(content, part, () => held(), signal);
      if (options.isStorageHere) return read(content, part, held, signal);
      const rest = (remaining: ByteRange) => relayed(elsewhere, content, remaining, signal);
      return read(content, part, () => goingOn(held(), part, rest), signal);
    },
    whole: async (content, request) => {
      const cached = cache.get(content.digest);
      if (cached !== undefined) return cached;
      const { signal } = request;
      let bytes = await readWhole(content, signal);
      let actual = digestOf(bytes, algorithmOf(content.digest));
      if (actual !== content.digest && (await verification.isGone(content.digest, signal))) {
        bytes = await readWhole(content, signal);
        actual = digestOf(bytes, algorithmOf(content.digest));
      }
      if (actual !== content.digest) throw unavailable(content, otherBytes(actual));
      cache.set(content.digest, bytes);
      return bytes;
    },
    keep: (digest, bytes) => void cache.set(digest, bytes),
  };
}

/** A shorter rest of a blob passes through: who asks for it may want no more, such as a table of contents. */
const MIN_COPIED_REST_BYTES = 8 * 1024 * 1024;

/** A short part of a blob that is arriving passes through, too, where more is to come before it: to wait for it would take longer. */
const MAX_AHEAD_BYTES = 4 * 1024 * 1024;

/** The whole, or the rest of one that broke off: many clients go on at once then, and each would bring its own over the link. */
function isWorthACopy({ offset, length }: ByteRange, size: number): boolean {
  return length === size || (offset + length === size && length >= MIN_COPIED_REST_BYTES);
}

/** False where a copy can't be made now, for want of room or because too many are under way; the bytes can still pass through. */
async function isFollowable(
  transfer: Pick<Transfer, 'fetch'>,
  { repository, digest, size }: Content,
  signal: AbortSignal,
): Promise<boolean> {
  try {
    await transfer.fetch({ repository, digest, size }, { signal });
    return true;
  } catch (error) {
    if (error instanceof RegistryError && error.code === 'UNAVAILABLE') return false;
    throw error;
  }
}

function otherBytes(actual: Digest): RegistryError {
  return new RegistryError('DIGEST_INVALID', `What was read has the digest ${actual}.`);
}

async function* dataOf(chunks: AsyncIterable<{ data: Buffer }>): AsyncGenerator<Buffer, void, undefined> {
  for await (const { data } of chunks) yield data;
}

async function collect(source: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of source) chunks.push(chunk);
  return Buffer.concat(chunks);
}
