import { close, closeSync, fstat, fstatSync, read, type Stats } from 'node:fs';
import { promisify } from 'node:util';
import type { Calls } from './calls.ts';

const elsewhere = { close: promisify(close), read: promisify(read), stat: promisify<number, Stats>(fstat) };

/** A file that is open for reading: of Node's `FileHandle` the part that this takes, without its price. */
export class OpenFile {
  readonly #calls: Calls;
  readonly #fd: number;
  #isClosed = false;
  #reads = 0;
  #idle: PromiseWithResolvers<undefined> | undefined;

  /** Owns the descriptor from now on. */
  constructor(fd: number, calls: Calls) {
    this.#fd = fd;
    this.#calls = calls;
  }

  /** Of what is there from `position` on up to `length` bytes, which go into the buffer at `offset`; none at the file's end. */
  async read(
    buffer: Uint8Array,
    offset: number,
    length: number,
    position: number,
  ): Promise<{ readonly bytesRead: number }> {
    this.#requireOpen();
    this.#reads += 1;
    try {
      return await elsewhere.read(this.#fd, buffer, offset, length, position);
    } finally {
      this.#reads -= 1;
      if (this.#reads === 0) this.#idle?.resolve(undefined);
    }
  }

  async stat(): Promise<Stats> {
    this.#requireOpen();
    return this.#calls.make(
      () => fstatSync(this.#fd),
      () => elsewhere.stat(this.#fd),
    );
  }

  /** Waits for reads under way, since the next file that is opened gets this one's number. To be called once. */
  async close(): Promise<void> {
    this.#requireOpen();
    this.#isClosed = true;
    if (this.#reads > 0) await (this.#idle = Promise.withResolvers<undefined>()).promise;
    await this.#calls.make(
      () => closeSync(this.#fd),
      () => elsewhere.close(this.#fd),
    );
  }

  #requireOpen(): void {
    if (this.#isClosed) throw new Error('A file was used after it had been closed.');
  }
}
