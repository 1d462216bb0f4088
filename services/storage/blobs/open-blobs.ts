import type { Digest } from '#libs/oci/digest.ts';
import type { BlobReader, ByteSource } from '../driver.ts';

/** Who reads piece by piece comes for the next one within this time, or is slow. */
const LINGER_MS = 1_000;

/** More than these are closed at once. */
const MAX_OPEN = 256;

interface Opened {
  readonly source: Promise<ByteSource | undefined>;
  users: number;
  closing?: NodeJS.Timeout;
}

/** Blobs that are read in pieces, by however many: each is opened once, and closed a moment after the last piece. */
export class OpenBlobs {
  readonly #reader: Pick<BlobReader, 'open' | 'stat'>;
  readonly #opened = new Map<Digest, Opened>();

  constructor(reader: Pick<BlobReader, 'open' | 'stat'>) {
    this.#reader = reader;
  }

  /** The driver's `open`, of a source that others may read, too. */
  async open(digest: Digest): Promise<ByteSource | undefined> {
    const opened = (await this.#stillThere(digest)) ?? this.#opened.get(digest) ?? this.#begin(digest);
    clearTimeout(opened.closing);
    opened.users += 1;
    const source = await opened.source.catch((error: unknown) => {
      this.#drop(digest, opened);
      throw error;
    });
    if (source === undefined) {
      this.#drop(digest, opened);
      return undefined;
    }
    return {
      size: source.size,
      read: (buffer, position) => source.read(buffer, position),
      close: () => this.#leave(digest, opened),
    };
  }

  /** What lies there from now on is another file, or none. Who reads goes on with the one before. */
  async forget(digest: Digest): Promise<void> {
    const opened = this.#opened.get(digest);
    if (opened === undefined) return;
    this.#drop(digest, opened);
    clearTimeout(opened.closing);
    if (opened.users === 0) await closeOf(opened);
  }

  /** What is open, unless its file is gone: what is not held must not be read. */
  async #stillThere(digest: Digest): Promise<Opened | undefined> {
    const opened = this.#opened.get(digest);
    if (opened === undefined) return undefined;
    const [size, source] = await Promise.all([this.#reader.stat(digest), opened.source]);
    if (this.#opened.get(digest) !== opened) return this.#opened.get(digest);
    if (size !== undefined && size === source?.size) return opened;
    await this.forget(digest);
    return undefined;
  }

  #begin(digest: Digest): Opened {
    const opened = { source: this.#reader.open(digest), users: 0 };
    this.#opened.set(digest, opened);
    return opened;
  }

  #drop(digest: Digest, opened: Opened): void {
    if (this.#opened.get(digest) === opened) this.#opened.delete(digest);
  }

  async #leave(digest: Digest, opened: Opened): Promise<void> {
    opened.users -= 1;
    if (opened.users > 0) return;
    if (this.#opened.get(digest) === opened && this.#opened.size <= MAX_OPEN) {
      opened.closing = setTimeout(() => {
        this.#drop(digest, opened);
        // Of bytes that were read nothing is lost.
        closeOf(opened).catch(() => undefined);
      }, LINGER_MS).unref();
      return;
    }
    this.#drop(digest, opened);
    await closeOf(opened);
  }
}

async function closeOf({ source }: Opened): Promise<void> {
  await (await source)?.close();
}
