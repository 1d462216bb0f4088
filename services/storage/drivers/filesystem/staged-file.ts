import { constants } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import type { StagedBytes } from '../../driver.ts';
import { readFully } from './file-source.ts';

/** Opens a file to append to, new or again, cut to `size` bytes. */
export async function openStagedFile(path: string, size: number): Promise<StagedBytes> {
  const file = await open(path, constants.O_RDWR | constants.O_CREAT, 0o640);
  try {
    const found = (await file.stat()).size;
    // What lies beyond was never acknowledged, and after a power cut it may be anything.
    if (found > size) await file.truncate(size);
    return new StagedFile(file, Math.min(found, size));
  } catch (error) {
    await file.close();
    throw error;
  }
}

class StagedFile implements StagedBytes {
  readonly #file: FileHandle;
  #size: number;
  #flushFailure: { error: unknown } | undefined;

  constructor(file: FileHandle, size: number) {
    this.#file = file;
    this.#size = size;
  }

  get size(): number {
    return this.#size;
  }

  async append(chunks: readonly Uint8Array[]): Promise<void> {
    let rest = [...chunks];
    while (rest.length > 0) {
      const { bytesWritten } = await this.#file.writev(rest, this.#size);
      this.#size += bytesWritten;
      rest = beyond(rest, bytesWritten);
    }
  }

  async flush(): Promise<void> {
    // A kernel reports a failed write-back once and then forgets the pages: a second try would succeed without them.
    if (this.#flushFailure !== undefined) throw this.#flushFailure.error;
    try {
      await this.#file.datasync();
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

/** The chunks without their first `bytes` bytes. */
function beyond(chunks: readonly Uint8Array[], bytes: number): Uint8Array[] {
  let skip = bytes;
  const rest: Uint8Array[] = [];
  for (const chunk of chunks) {
    if (skip >= chunk.length) skip -= chunk.length;
    else {
      rest.push(skip === 0 ? chunk : chunk.subarray(skip));
      skip = 0;
    }
  }
  return rest;
}
