import { digestOf, algorithmOf, parseDigest } from '#libs/oci/digest.ts';
import { RegistryError } from '#libs/oci/errors.ts';
import type { Scrub, Storage } from '#libs/rpc/contracts.ts';
import { MAX_CHUNK_BYTES } from '#libs/rpc/limits.ts';
import type { PutBlob } from '#types/meridian/v1/PutBlob.ts';
import type { PutHeader } from '#types/meridian/v1/PutHeader.ts';
import { memorySummaries } from './summaries.ts';

/** A region's bytes, in memory. Keeps the contract of proto/meridian/v1/storage.proto. */
export interface MemoryStorage {
  readonly storage: Storage;
  readonly scrub: Pick<Scrub, 'verify'>;
  /** Publishes a whole blob and pins it, as finishing an upload does. */
  publish(repository: string, digest: string, bytes: Buffer): void;
  has(digest: string): boolean;
  isPinned(repository: string, digest: string): boolean;
  /** Loses a blob, as a broken disk would. */
  lose(digest: string): void;
  /** Turns a bit of a blob over. */
  damage(digest: string): void;
}

/** A blob that arrives. Whoever reads along waits for `changed`. */
interface Arrival {
  readonly size: number;
  bytes: Buffer;
  state: 'arriving' | 'whole' | RegistryError;
  changed: PromiseWithResolvers<undefined>;
}

export function memoryStorage(): MemoryStorage {
  const blobs = new Map<string, Buffer>();
  const arrivals = new Map<string, Arrival>();
  const pins = new Map<string, 'pinned' | 'given up'>();
  const pinKey = (repository: string, digest: string): string => `${repository}@${digest}`;
  const publish = (repository: string, digest: string, bytes: Buffer, copied = false): void => {
    blobs.set(digest, bytes);
    const key = pinKey(repository, digest);
    if (repository !== '' && !(copied && pins.has(key))) pins.set(key, 'pinned');
  };
  const isPinned = (repository: string, digest: string): boolean =>
    pins.get(pinKey(repository, digest)) === 'pinned';

  const storage: Storage = {
    put: async (parts) => {
      const { header, data } = await split(parts);
      const chunks: Buffer[] = [];
      for await (const chunk of data) chunks.push(chunk);
      const bytes = Buffer.concat(chunks);
      check(header, bytes);
      publish(header.repository, header.digest, bytes);
      return { digest: header.digest, size: bytes.length };
    },
    ingest: async (parts) => {
      const { header, data } = await split(parts);
      if (arrivals.has(header.digest)) throw new RegistryError('CONFLICT', 'It is arriving already.');
      const arrival = newArrival(header.size);
      arrivals.set(header.digest, arrival);
      try {
        for await (const chunk of data) {
          arrival.bytes = Buffer.concat([arrival.bytes, chunk]);
          tell(arrival);
        }
        check(header, arrival.bytes);
        publish(header.repository, header.digest, arrival.bytes, true);
        arrival.state = 'whole';
        return { digest: header.digest, size: header.size };
      } catch (error) {
        arrival.state =
          error instanceof RegistryError ? error : new RegistryError('UNAVAILABLE', 'The source went away.');
        throw error;
      } finally {
        arrivals.delete(header.digest);
        tell(arrival);
      }
    },
    stat: async ({ digests }) => ({
      blobs: digests.flatMap((digest) => {
        const bytes = blobs.get(digest);
        return bytes === undefined ? [] : [{ digest, size: bytes.length }];
      }),
    }),
    async *read({ digest, offset, length }, { signal }) {
      const bytes = blobs.get(digest);
      const arrival = bytes === undefined ? arrivals.get(digest) : undefined;
      const size = bytes?.length ?? arrival?.size;
      if (size === undefined) throw unknownBlob(digest);
      if (offset > size) throw new RegistryError('RANGE_INVALID', `The blob has ${size} bytes.`);
      const end = length === 0 ? size : Math.min(size, offset + length);
      for (let position = offset; position < end;) {
        const available = bytes ?? (await readable(arrival, position, signal));
        const data = available.subarray(position, Math.min(end, position + MAX_CHUNK_BYTES));
        position += data.length;
        yield { data };
      }
    },
    locate: async ({ digest }) => {
      const bytes = blobs.get(digest);
      if (bytes === undefined) throw unknownBlob(digest);
      return { path: '', url: '', size: bytes.length };
    },
    async *list() {
      for (const [digest, bytes] of blobs) yield { digest, size: bytes.length };
    },
    ...memorySummaries(blobs),
    hold: async ({ repository, blobs: wanted }) => {
      const missing = wanted.filter(({ digest, size }) => blobs.get(digest)?.length !== size);
      for (const { digest } of wanted) if (blobs.has(digest)) pins.set(pinKey(repository, digest), 'pinned');
      return { epoch: 0, missing: missing.map(({ digest }) => digest) };
    },
    pins: async ({ repository, digests }) => {
      const pinned = digests.filter((digest) => blobs.has(digest) && isPinned(repository, digest));
      const givenUp = digests.filter((digest) => pins.get(pinKey(repository, digest)) === 'given up');
      return { blobs: pinned.map((digest) => ({ digest, size: blobs.get(digest)?.length ?? 0 })), givenUp };
    },
    unpin: async ({ repository, digests }) => {
      const unpinned = digests.filter((digest) => isPinned(repository, digest));
      for (const digest of digests) pins.set(pinKey(repository, digest), 'given up');
      return { digests: unpinned };
    },
    pinOwners: async ({ digest, limit }) => {
      const size = blobs.get(digest)?.length;
      const owners = Array.from(pins).filter(
        ([key, state]) => state === 'pinned' && key.endsWith(`@${digest}`),
      );
      const repositories = owners.map(([key]) => key.slice(0, key.indexOf('@'))).sort();
      return size === undefined || owners.length === 0
        ? { repositories: [], size: 0 }
        : { repositories: repositories.slice(0, limit), size };
    },
    stats: async () => {
      const bytes = Array.from(blobs.values()).reduce((sum, blob) => sum + blob.length, 0);
      return {
        blobs: blobs.size,
        bytes,
        uploads: 0,
        freeBytes: 1e12,
        quarantineBlobs: 0,
        quarantineBytes: 0,
        quarantineLifetimeMs: 0,
        maxQuarantineBytes: 0,
      };
    },
  };
  const scrub: Pick<Scrub, 'verify'> = {
    async *verify({ digests }) {
      const looked = digests.filter((digest) => blobs.has(digest));
      const damaged = looked.flatMap((digest) => {
        const bytes = blobs.get(digest) ?? Buffer.alloc(0);
        if (digestOf(bytes, algorithmOf(parseDigest(digest))) === digest) return [];
        blobs.delete(digest);
        return [{ digest, size: bytes.length, why: 'its bytes are others', atMs: Date.now() }];
      });
      yield { checked: looked.length, bytes: 0, damaged };
    },
  };
  return {
    storage,
    scrub,
    publish,
    has: (digest) => blobs.has(digest),
    isPinned,
    lose: (digest) => void blobs.delete(digest),
    damage: (digest) => {
      const bytes = Buffer.from(blobs.get(digest) ?? []);
      bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1;
      blobs.set(digest, bytes);
    },
  };
}

async function split(
  parts: AsyncIterable<PutBlob>,
): Promise<{ header: PutHeader; data: AsyncIterable<Buffer> }> {
  const iterator = parts[Symbol.asyncIterator]();
  const first = await iterator.next();
  const header = first.done === true ? undefined : first.value.header;
  if (header === undefined || header === null) throw new Error('the first message carries the header');
  const data = async function* (): AsyncGenerator<Buffer> {
    for (;;) {
      const step = await iterator.next();
      if (step.done === true) return;
      if (step.value.data !== undefined) yield step.value.data;
    }
  };
  return { header, data: data() };
}

function check({ digest, size }: PutHeader, bytes: Buffer): void {
  if (bytes.length !== size) {
    throw new RegistryError('SIZE_INVALID', `Expected ${size} bytes, got ${bytes.length}.`);
  }
  const found = digestOf(bytes, algorithmOf(parseDigest(digest)));
  if (found !== digest) throw new RegistryError('DIGEST_INVALID', `Expected ${digest}, got ${found}.`);
}

/** The bytes so far, once there are some beyond `position`; the last byte only when all are verified. */
async function readable(
  arrival: Arrival | undefined,
  position: number,
  signal: AbortSignal,
): Promise<Buffer> {
  if (arrival === undefined) throw new Error('nothing to follow');
  const aborted = Promise.withResolvers<never>();
  aborted.promise.catch(() => undefined);
  const onAbort = (): void => aborted.reject(signal.reason as Error);
  signal.addEventListener('abort', onAbort);
  try {
    for (;;) {
      signal.throwIfAborted();
      if (arrival.state === 'whole') return arrival.bytes;
      if (arrival.state !== 'arriving') throw arrival.state;
      const shown = Math.min(arrival.bytes.length, arrival.size - 1);
      if (shown > position) return arrival.bytes.subarray(0, shown);
      await Promise.race([arrival.changed.promise, aborted.promise]);
    }
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

function newArrival(size: number): Arrival {
  return { size, bytes: Buffer.alloc(0), state: 'arriving', changed: Promise.withResolvers() };
}

function tell(arrival: Arrival): void {
  const { changed } = arrival;
  arrival.changed = Promise.withResolvers();
  changed.resolve(undefined);
}

function unknownBlob(digest: string): RegistryError {
  return new RegistryError('BLOB_UNKNOWN', `The blob ${digest} is not held here.`);
}
