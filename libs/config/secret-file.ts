import { readFileSync } from 'node:fs';

/** The secret in a file as it is now; the line's end is none of it. Throws the file system's error. */
export function readSecretFile(path: string): string {
  return readFileSync(path, 'utf8').replace(/\r?\n$/, '');
}
