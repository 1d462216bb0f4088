import { RegistryError } from '#libs/oci/errors.ts';
import type { Transfer } from '#libs/rpc/contracts.ts';
import type { AnnounceBlob } from '#types/meridian/v1/AnnounceBlob.ts';
import type { PutBlob } from '#types/meridian/v1/PutBlob.ts';
import type { MemoryStorage } from './storage.ts';

/** Moves blobs between the regions of this process. Keeps the contract of proto/meridian/v1/transfer.proto. */
export interface MemoryTransfer {
  readonly transfer: Transfer;
  readonly announced: AnnounceBlob[];
  /** Bytes that came from other regions. */
  movedBytes(): number;
  /** Runs before each chunk that comes from another region: what it waits for makes the link slow. */
  beforeChunk: (sentBytes: number) => Promise<void>;
}

const CHUNK_BYTES = 64 * 1024;

export function memoryTransfer(region: string, storages: ReadonlyMap<string, MemoryStorage>): MemoryTransfer {
  let moved = 0;
  const running = new Set<string>();
  const own = (): MemoryStorage => {
    const storage = storages.get(region);
    if (storage === undefined) throw new Error(`no region ${region}`);
    return storage;
  };
  const sourceOf = (digest: string): MemoryStorage => {
    for (const [name, storage] of storages) if (name !== region && storage.has(digest)) return storage;
    throw new RegistryError('BLOB_UNKNOWN', `No live region holds ${digest}.`);
  };
  async function* chunks(
    request: { digest: string; offset: number; length: number },
    signal: AbortSignal,
  ): AsyncGenerator<Buffer> {
    let sent = 0;
    for await (const { data } of sourceOf(request.digest).storage.read(request, { signal })) {
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
    fetch: async ({ repository, digest, size }) => {
      if (own().has(digest) || running.has(digest)) return { digest, size };
      sourceOf(digest);
      running.add(digest);
      const parts = async function* (): AsyncGenerator<PutBlob> {
        yield { header: { repository, digest, size } };
        const { signal } = new AbortController();
        for await (const data of chunks({ digest, offset: 0, length: 0 }, signal)) yield { data };
      };
      own()
        .storage.ingest(parts(), { signal: new AbortController().signal })
        .catch(() => undefined)
        .finally(() => running.delete(digest))
        .catch(() => undefined);
      // The ingest has taken its first message, so that reading finds it.
      await new Promise((resolve) => setImmediate(resolve));
      return { digest, size };
    },
    async *relay(request, { signal }) {
      for await (const data of chunks(request, signal)) yield { data };
    },
    announce: async (blob) => {
      result.announced.push(blob);
      return {};
    },
  };
  const result: MemoryTransfer = {
    transfer,
    announced: [],
    movedBytes: () => moved,
    beforeChunk: async () => undefined,
  };
  return result;
}
