import { constants } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { FileWriter, StagedBytes } from '../../driver.ts';
import { beyond, bytesOf } from '../../writing/chunks.ts';
import { syncDirectory } from './durable.ts';
import { readFully } from './file-source.ts';

/** Opens a file to append to, new or again, cut to `size` bytes. `outlives` restarts: flushing makes its name durable, too. */
export async function openStagedFile(path: string, size: number, outlives: boolean): Promise<StagedBytes> {
  const anew = size === 0 ? constants.O_TRUNC : 0;
  const file = await open(path, constants.O_RDWR | constants.O_CREAT | anew, 0o640);
  try {
    const kept = size === 0 ? 0 : await cut(file, size);
    // Bytes that are kept were flushed before, and the file's name with them.
    return new StagedFile(file, kept, outlives && kept === 0 ? dirname(path) : undefined);
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** What lies beyond `size` was never acknowledged, and after a power cut it may be anything. Gives how much there is. */
async function cut(file: FileHandle, size: number): Promise<number> {
  const found = (await file.stat()).size;
  if (found > size) await file.truncate(size);
  return Math.min(found, size);
}

class StagedFile implements StagedBytes {
  readonly #file: FileHandle;
  #size: number;
  /** Where the next bytes go: behind those that are being written. */
  #end: number;
  #appendFailure: Error | undefined;
  /** The directory where the file's name is not durable yet. */
  #unnamedIn: string | undefined;
  #flushFailure: { error: unknown } | undefined;

  constructor(file: FileHandle, size: number, unnamedIn: string | undefined) {
    this.#file = file;
    this.#size = size;
    this.#end = size;
    this.#unnamedIn = unnamedIn;
  }

  get size(): number {
    return this.#size;
  }

  async append(chunks: readonly Uint8Array[]): Promise<void> {
    let rest = chunks;
    while (rest.length > 0) {
      const { bytesWritten } = await this.#file.writev([...rest], this.#size);
      this.#size += bytesWritten;
      this.#end = this.#size;
      rest = beyond(rest, bytesWritten);
    }
  }

  async appendThrough(writer: FileWriter, chunks: readonly Uint8Array[]): Promise<void> {
    this.#throwIfStuck();
    const position = this.#end;
    this.#end += bytesOf(chunks);
    const { written, failure } = await writer.write(this.#file.fd, position, chunks);
    // What is there behind a gap doesn't count.
    this.#throwIfStuck();
    this.#size = position + written;
    this.#appendFailure = failure;
    this.#throwIfStuck();
  }

  #throwIfStuck(): void {
    if (this.#appendFailure !== undefined) throw this.#appendFailure;
  }

  async flush({ isPublishedNext = false } = {}): Promise<void> {
    // A kernel reports a failed write-back once and then forgets the pages: a second try would succeed without them.
    if (this.#flushFailure !== undefined) throw this.#flushFailure.error;
    try {
      // Publishing gives them another name, and makes that one durable.
      const directory = isPublishedNext ? undefined : this.#unnamedIn;
      await Promise.all([
        this.#file.datasync(),
        directory === undefined ? undefined : syncDirectory(directory),
      ]);
      if (!isPublishedNext) this.#unnamedIn = undefined;
    } catch (error) {
      this.#flushFailure = { error };
      throw error;
    }
  }

  read(buffer: Uint8Array, position: number): Promise<number> {
    return readFully(this.#file, buffer, position);
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}
