import { LRUCache } from 'lru-cache';
import { algorithmOf, digestOf, type Digest } from '#libs/oci/digest.ts';
import { RegistryError } from '#libs/oci/errors.ts';
import type { ByteRange } from '#libs/oci/range.ts';
import type { Storage, Transfer } from '#libs/rpc/contracts.ts';
import { unknown } from './unknown.ts';

/** Bytes that the catalog has said to be the repository's. */
export interface Content {
  readonly repository: string;
  readonly digest: Digest;
  readonly size: number;
}

/** Reads content that the repository is known to own, from this region or, while it is not here yet, through it. */
export interface ContentReader {
  /** All bytes of small content, verified. Only for what fits in memory. */
  whole(content: Content, signal: AbortSignal): Promise<Buffer>;
  /**
   * The bytes, or those of `range`. Resolves once the first are there, so that until then an error can still be answered as one.
   * The caller iterates to the end or returns.
   */
  stream(
    content: Content,
    range: ByteRange | undefined,
    signal: AbortSignal,
  ): Promise<AsyncIterable<Uint8Array>>;
  /** Keeps bytes that will be asked for soon; they must be those of the digest. */
  keep(digest: Digest, bytes: Buffer): void;
}

/** Rounds of fetching and reading: a copy that is under way may fail just before it is read. */
const MAX_ROUNDS = 3;

/** What an entry costs besides its bytes. */
const ENTRY_BYTES = 512;

export function createContentReader(options: {
  storage: Pick<Storage, 'read'>;
  transfer: Pick<Transfer, 'fetch' | 'relay'>;
  maxCachedBytes: number;
}): ContentReader {
  const { storage, transfer } = options;
  const cache = new LRUCache<Digest, Buffer>({
    maxSize: options.maxCachedBytes,
    sizeCalculation: (bytes) => bytes.byteLength + ENTRY_BYTES,
  });

  const stream: ContentReader['stream'] = async (content, range, signal) => {
    const { digest, size } = content;
    const part = isPart(range, size) ? range : undefined;
    const request = { digest, offset: part?.offset ?? 0, length: part?.length ?? 0 };
    for (let round = 1; ; round++) {
      try {
        return await started(storage.read(request, { signal }));
      } catch (error) {
        if (!unknown(error) || round === MAX_ROUNDS) throw error;
      }
      if (part !== undefined || !(await isFollowable(transfer, content, signal))) {
        return await started(transfer.relay(request, { signal }));
      }
    }
  };

  return {
    stream: (content, range, signal) =>
      stream(content, range, signal).catch((error: unknown) => {
        throw unavailable(content, error);
      }),
    whole: async (content, signal) => {
      const cached = cache.get(content.digest);
      if (cached !== undefined) return cached;
      const bytes = await stream(content, undefined, signal)
        .then(collect)
        .catch((error: unknown) => {
          throw unavailable(content, error);
        });
      const digest = digestOf(bytes, algorithmOf(content.digest));
      if (digest !== content.digest) {
        throw unavailable(
          content,
          new RegistryError('DIGEST_INVALID', `What was read has the digest ${digest}.`),
        );
      }
      cache.set(content.digest, bytes);
      return bytes;
    },
    keep: (digest, bytes) => void cache.set(digest, bytes),
  };
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

function isPart(range: ByteRange | undefined, size: number): range is ByteRange {
  return range !== undefined && range.length < size;
}

/** The data of the chunks, once there is a first one. */
async function started(chunks: AsyncIterable<{ data: Buffer }>): Promise<AsyncIterable<Uint8Array>> {
  const iterator = chunks[Symbol.asyncIterator]();
  let first: IteratorResult<{ data: Buffer }> | undefined = await iterator.next();
  const next = async (): Promise<IteratorResult<Uint8Array, undefined>> => {
    const step = first ?? (await iterator.next());
    first = undefined;
    return step.done === true ? { done: true, value: undefined } : { done: false, value: step.value.data };
  };
  return {
    [Symbol.asyncIterator]: () => ({
      next,
      return: async () => {
        await iterator.return?.();
        return { done: true, value: undefined };
      },
    }),
  };
}

async function collect(source: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of source) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** The repository has this content, so that it can't be read now is never the client's mistake, and never a 404. */
function unavailable({ repository, digest }: Content, cause: unknown): unknown {
  if (!(cause instanceof RegistryError) || PASSED_ON.has(cause.code)) return cause;
  return new RegistryError(
    'UNAVAILABLE',
    `${digest} is known in ${repository}, but can't be read at the moment: ${cause.message} Try again.`,
    { cause, retryAfterSeconds: 5 },
  );
}

const PASSED_ON: ReadonlySet<string> = new Set(['UNAVAILABLE', 'TOOMANYREQUESTS', 'INTERNAL']);
