import { closeSync, openSync } from 'node:fs';

/** Read and written by its owner alone. */
const PRIVATE = 0o600;

/**
 * Makes an empty file that only its owner can read, if there is none: for databases that hold hashes of secrets and keys, before SQLite opens
 * them (its log takes after them). What keeps it from being made, SQLite will say.
 */
export function makePrivateFile(path: string): void {
  try {
    // Never one that is there: closing it would end locks that this process has on it.
    closeSync(openSync(path, 'wx', PRIVATE));
  } catch {
    return;
  }
}
