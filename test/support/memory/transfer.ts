import { RegistryError } from '#libs/oci/errors.ts';
import type { Storage, Transfer } from '#libs/rpc/contracts.ts';
import type { AnnounceBlob } from '#types/meridian/v1/AnnounceBlob.ts';
import type { PutBlob } from '#types/meridian/v1/PutBlob.ts';

/** Moves blobs between the regions of this process. Keeps the contract of proto/meridian/v1/transfer.proto. */
export interface MemoryTransfer {
  readonly transfer: Transfer;
  readonly announced: AnnounceBlob[];
  /** Of which another region has been asked to take over. */
  readonly keptElsewhere: AnnounceBlob[];
  /** Bytes that came from other regions. */
  movedBytes(): number;
  /** Runs before each chunk that comes from another region: what it waits for makes the link slow. */
  beforeChunk: (sentBytes: number) => Promise<void>;
}

const CHUNK_BYTES = 64 * 1024;

export function memoryTransfer(options: {
  region: string;
  storage: Storage;
  storages: ReadonlyMap<string, Storage>;
}): MemoryTransfer {
  const { region, storage, storages } = options;
  let moved = 0;
  const running = new Set<string>();
  const holds = async (other: Storage, digest: string): Promise<boolean> => {
    const { blobs } = await other.stat({ digests: [digest] }, { signal: new AbortController().signal });
    return blobs.length > 0;
  };
  const sourceOf = async (digest: string): Promise<Storage> => {
    for (const [name, other] of storages) {
      if (name !== region && (await holds(other, digest))) return other;
    }
    throw new RegistryError('BLOB_UNKNOWN', `No live region holds ${digest}.`);
  };
  async function* chunks(
    request: { digest: string; offset: number; length: number },
    signal: AbortSignal,
  ): AsyncGenerator<Buffer> {
    let sent = 0;
    const source = await sourceOf(request.digest);
    for await (const { data } of source.read(request, { signal })) {
      for (let at = 0; at < data.length; at += CHUNK_BYTES) {
        await result.beforeChunk(sent);
        const chunk = data.subarray(at, at + CHUNK_BYTES);
        sent += chunk.length;
        moved += chunk.length;
        yield chunk;
      }
    }
  }

  const transfer: Transfer = {
    fetch: async ({ repository, digest, size }, { signal }) => {
      if (running.has(digest) || (await holds(storage, digest))) return { digest, size };
      await sourceOf(digest);
      running.add(digest);
      const parts = async function* (): AsyncGenerator<PutBlob> {
        yield { header: { repository, digest, size } };
        const whole = { digest, offset: 0, length: 0 };
        // The copy goes on though whoever asked for it goes away.
        for await (const data of chunks(whole, new AbortController().signal)) yield { data };
      };
      const ended = storage.ingest(parts(), { signal: new AbortController().signal }).then(
        () => running.delete(digest),
        () => running.delete(digest),
      );
      await Promise.race([untilReadable(storage, digest, signal), ended]);
      return { digest, size };
    },
    async *relay(request, { signal }) {
      for await (const data of chunks(request, signal)) yield { data };
    },
    announce: async (blob) => {
      result.announced.push(blob);
      return {};
    },
    keepElsewhere: async (blob) => {
      result.keptElsewhere.push(blob);
      return {};
    },
  };
  const result: MemoryTransfer = {
    transfer,
    announced: [],
    keptElsewhere: [],
    movedBytes: () => moved,
    beforeChunk: async () => undefined,
  };
  return result;
}

async function untilReadable(storage: Storage, digest: string, signal: AbortSignal): Promise<void> {
  for (;;) {
    const first = storage.read({ digest, offset: 0, length: 1 }, { signal });
    const firstByte = first[Symbol.asyncIterator]();
    try {
      await firstByte.next();
      return;
    } catch {
      signal.throwIfAborted();
      await new Promise((resolve) => setTimeout(resolve, 2));
    } finally {
      await firstByte.return?.();
    }
  }
}
