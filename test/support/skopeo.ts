import { execFile, spawnSync } from 'node:child_process';
import { promisify } from 'node:util';

export const hasSkopeo = spawnSync('skopeo', ['--version']).status === 0;

if (!hasSkopeo && (process.env['MERIDIAN_TEST_REQUIRE'] ?? '').split(',').includes('skopeo')) {
  throw new Error('MERIDIAN_TEST_REQUIRE asks for skopeo, but there is none on the PATH.');
}

/** Runs skopeo, without TLS and without policies, and gives what it prints. Rejects with its error output. */
export async function skopeo(command: string, ...args: string[]): Promise<string> {
  const run = promisify(execFile);
  const { stdout } = await run('skopeo', ['--insecure-policy', command, ...args], { timeout: 60_000 });
  return stdout;
}
