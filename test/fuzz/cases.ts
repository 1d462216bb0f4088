import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Inputs that once showed a fault: `<target>/<hash>`, tried in each run of the tests. */
const DIRECTORY = join(import.meta.dirname, 'cases');

export interface Case {
  readonly target: string;
  readonly file: string;
  readonly input: Buffer;
}

export async function readCases(): Promise<Case[]> {
  const files = await readdir(DIRECTORY, { recursive: true, withFileTypes: true });
  const cases = files
    .filter((file) => file.isFile())
    .map(async ({ parentPath, name }): Promise<Case> => {
      const target = parentPath.slice(DIRECTORY.length + 1);
      return { target, file: name, input: await readFile(join(parentPath, name)) };
    });
  return Promise.all(cases);
}

/** Gives the path. */
export async function keepCase(target: string, input: Uint8Array): Promise<string> {
  const hash = createHash('sha256').update(input).digest('hex').slice(0, 16);
  await mkdir(join(DIRECTORY, target), { recursive: true });
  const path = join(DIRECTORY, target, hash);
  await writeFile(path, input);
  return path;
}
