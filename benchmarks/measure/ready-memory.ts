import { open, rm } from 'node:fs/promises';
import { join } from 'node:path';

const PIECE_BYTES = 1_000_000;

/**
 * Writes so many bytes to a file and removes it, so that the pages which the next files need have just been in use. On virtual machines
 * whose host takes back what is free, a page that has not costs ten times as much to write to, whoever writes: the time would tell
 * which pages a server happened to get.
 */
export async function readyMemory(directory: string, bytes: number): Promise<void> {
  const path = join(directory, 'ready-memory');
  const file = await open(path, 'w');
  try {
    const piece = Buffer.alloc(PIECE_BYTES);
    for (let written = 0; written < bytes; written += PIECE_BYTES) await file.write(piece);
  } finally {
    await file.close();
    await rm(path);
  }
}
