import { KeptOpen } from '#libs/kept-open.ts';
import type { Digest } from '#libs/oci/digest.ts';
import type { BlobReader, ByteSource } from '../driver.ts';

/** Blobs that are read in pieces, by however many. What is not held is not read. */
export interface OpenBlobs {
  /** The driver's `open`, of a source that others may read, too. */
  open(digest: Digest): Promise<ByteSource | undefined>;
  /** What lies there from now on is another file, or none. Who reads goes on with the one before. */
  forget(digest: Digest): Promise<void>;
}

export function createOpenBlobs(reader: Pick<BlobReader, 'open' | 'stat'>): OpenBlobs {
  const kept = new KeptOpen<Digest, ByteSource>({
    open: (digest) => reader.open(digest),
    isStill: async (digest, { size }) => (await reader.stat(digest)) === size,
    close: (source) => source.close(),
  });
  return {
    open: async (digest) => {
      const lent = await kept.open(digest);
      if (lent === undefined) return undefined;
      const { value, close } = lent;
      return { size: value.size, read: (buffer, position) => value.read(buffer, position), close };
    },
    forget: (digest) => kept.forget(digest),
  };
}
