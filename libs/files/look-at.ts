import type { Stats } from 'node:fs';
import { stat } from 'node:fs/promises';

/** What lies at a path; undefined: nothing. */
export async function lookAt(path: string): Promise<Stats | undefined> {
  try {
    // An error costs more than the look; before Node 25 it comes all the same.
    return await stat(path, { throwIfNoEntry: false });
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw error;
  }
}

/** True for the error of a file that isn't there. */
export function isAbsent(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'ENOENT';
}
