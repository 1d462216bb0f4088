import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { FAILPOINTS } from '#libs/failpoint.ts';

const root = join(import.meta.dirname, '../..');

/** Every `failpoint('…')` of the product. */
function passed(): string[] {
  const files = ['libs', 'services'].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts'))
      .map((name) => join(root, folder, name)),
  );
  return files.flatMap((file) =>
    Array.from(readFileSync(file, 'utf8').matchAll(/failpoint\(\s*'([^']*)'/g), ([, name = '']) => name),
  );
}

function run(variable: string): { status: number | null; signal: string | null; text: string } {
  const program = `
    import { failpoint } from '#libs/failpoint.ts';
    for (const name of ['push.held', 'push.committed', 'push.committed']) {
      console.log(name);
      failpoint(name);
    }`;
  const { status, signal, stdout, stderr } = spawnSync(
    process.execPath,
    ['--input-type=module', '--eval', program],
    { cwd: root, env: { ...process.env, MERIDIAN_FAILPOINT: variable }, encoding: 'utf8' },
  );
  return { status, signal, text: stdout + stderr };
}

describe('failpoints', () => {
  it('are each passed at exactly one place of the code', () => {
    expect(passed().sort()).toEqual([...FAILPOINTS].sort());
  });

  it('do nothing unless they are named', () => {
    expect(run('')).toMatchObject({ status: 0, signal: null });
    expect(run('push.stored')).toMatchObject({ status: 0, signal: null });
  });

  it('kill the process at the passing that is named', () => {
    expect(run('push.committed')).toEqual({
      status: null,
      signal: 'SIGKILL',
      text: 'push.held\npush.committed\n',
    });
    expect(run('push.committed:2').text).toBe('push.held\npush.committed\npush.committed\n');
    expect(run('push.committed:3')).toMatchObject({ status: 0 });
  });

  it.each(['nonsense', 'push.held:0', 'push.held:x'])('refuse %j with a sentence', (variable) => {
    const { status, text } = run(variable);
    expect(status).not.toBe(0);
    expect(text).toContain('expected name or name:nth with one of upload.written,');
  });
});
