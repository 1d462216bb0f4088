import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { statSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const entry = join(import.meta.dirname, '../../../services/coordinator/main.ts');

describe('the coordinator as a process', () => {
  let dataDir: string;
  beforeAll(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'meridian-coordinator-'));
  });
  afterAll(() => rm(dataDir, { recursive: true, force: true }));

  it('keeps its data directory to itself, and says so to a second one', async () => {
    const first = start({ MERIDIAN_DATA_DIR: dataDir });
    const [message] = (await once(first, 'message')) as [{ kind: string; address: string }];
    expect(message.kind).toBe('ready');
    expect(message.address).toMatch(/^127\.0\.0\.1:[1-9]\d*$/);
    // Identities are in it.
    expect(statSync(join(dataDir, 'coordinator.sqlite')).mode & 0o077).toBe(0);
    const second = await ended(start({ MERIDIAN_DATA_DIR: dataDir }));
    expect(second.code).toBe(1);
    expect(second.words).toContain(`Another coordinator is using ${dataDir}.`);
    expect(second.words).not.toContain('    at ');
    first.kill('SIGTERM');
    expect(await ended(first)).toEqual({ code: 0, words: '' });
    const third = start({ MERIDIAN_DATA_DIR: dataDir });
    await once(third, 'message');
    third.kill('SIGTERM');
    expect((await ended(third)).code).toBe(0);
  });

  it('says which variable is missing', async () => {
    const { code, words } = await ended(start({}));
    expect(code).toBe(1);
    expect(words).toContain('MERIDIAN_DATA_DIR must be set to a path.');
  });
});

function start(env: Record<string, string>): ChildProcess {
  return fork(entry, {
    execArgv: [],
    env: { PATH: process.env['PATH'], MERIDIAN_LISTEN: '127.0.0.1:0', ...env },
    stdio: ['ignore', 'inherit', 'pipe', 'ipc'],
  });
}

async function ended(child: ChildProcess): Promise<{ code: number | null; words: string }> {
  let words = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    words += text;
  });
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, words };
}
