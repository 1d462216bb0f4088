import type { Context } from './context.ts';
import { flushFiles } from './flush-files.ts';
import { readyMemory } from './ready-memory.ts';

/** More than a round writes to files, at full scale. */
const FILE_MEMORY_BYTES = 512e6;

/** For the notes of who does it. */
export const MEMORY_IS_READIED =
  'Before each round a file is written and removed, so that the servers write to memory that has just been in use.';

/** Before a round that writes much: what others have left to the disk must not count, nor which memory their files have had. */
export async function readyDisk({ scratch, scale }: Pick<Context, 'scratch' | 'scale'>): Promise<void> {
  await flushFiles(scratch);
  await readyMemory(scratch, scale * FILE_MEMORY_BYTES);
}
