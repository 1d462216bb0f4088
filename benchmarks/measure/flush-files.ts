import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Waits until all that was written to the directory's file system is on disk, and gives how many seconds that took. */
export async function flushFiles(directory: string): Promise<number> {
  const startedAt = performance.now();
  await run('sync', ['--file-system', directory]);
  return (performance.now() - startedAt) / 1_000;
}
