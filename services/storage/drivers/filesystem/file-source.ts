import { isAbsent } from '#libs/files/look-at.ts';
import type { OpenFile } from '#libs/files/open-file.ts';
import type { VolumeFiles } from '#libs/files/volume-files.ts';
import type { ByteSource } from '../../driver.ts';

/** Opens a file that no longer changes; undefined where there is none. */
export async function openFileSource(files: VolumeFiles, path: string): Promise<ByteSource | undefined> {
  let file: OpenFile;
  try {
    file = await files.open(path);
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
export async function readFully(
  file: Pick<OpenFile, 'read'>,
  buffer: Uint8Array,
  position: number,
): Promise<number> {
  let filled = 0;
  while (filled < buffer.length) {
    const { bytesRead } = await file.read(buffer, filled, buffer.length - filled, position + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return filled;
}
