import { open, type FileHandle } from 'node:fs/promises';
import type { ByteSource } from '../../driver.ts';
import { isAbsent } from './durable.ts';

/** Opens a file that no longer changes; undefined where there is none. */
export async function openFileSource(path: string): Promise<ByteSource | undefined> {
  let file: FileHandle;
  try {
    file = await open(path, 'r');
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw error;
  }
  try {
    const { size } = await file.stat();
    return { size, read: (buffer, position) => readFully(file, buffer, position), close: () => file.close() };
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** Reads until the buffer is full or the file ends; the number of bytes read. */
export async function readFully(file: FileHandle, buffer: Uint8Array, position: number): Promise<number> {
  let filled = 0;
  while (filled < buffer.length) {
    const { bytesRead } = await file.read(buffer, filled, buffer.length - filled, position + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return filled;
}
