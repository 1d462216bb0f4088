import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

/** The first line that a program says of its version. */
export async function versionOf(binary: string, args: readonly string[]): Promise<string> {
  const { stdout, stderr } = await promisify(execFile)(binary, [...args]);
  return (stdout + stderr).trim().split('\n')[0] ?? '';
}
