import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freePorts, startCluster } from '#test/support/cluster.ts';

const entry = join(import.meta.dirname, '../../services/cluster.ts');

describe('npm start', () => {
  let scratch: string;
  beforeAll(async () => {
    scratch = await mkdtemp(join(tmpdir(), 'meridian-launcher-'));
  });
  afterAll(() => rm(scratch, { recursive: true, force: true }));

  it('says which port is taken, in a sentence, and exits with 1', async () => {
    const port = await freePorts();
    const occupant = createServer();
    await new Promise<void>((resolve) => occupant.listen({ host: '127.0.0.1', port: port + 1 }, resolve));
    const { code, output } = await run('--data', join(scratch, 'taken'), '--port', String(port));
    occupant.close();
    expect(code).toBe(1);
    expect(output).toContain(`port ${port + 1} (127.0.0.1) is taken by another process`);
    expect(output).not.toContain('    at ');
  });

  it('says that the data directory cannot be used, in a sentence, and exits with 1', async () => {
    const file = join(scratch, 'a-file');
    await writeFile(file, '');
    const { code, output } = await run('--data', join(file, 'data'), '--port', String(await freePorts()));
    expect(code).toBe(1);
    expect(output).toContain(file);
    expect(output).not.toContain('    at ');
  });

  it.each([
    [['--port', 'many'], '--port many: expected a whole number'],
    [
      ['--region', 'Mars'],
      '--region Mars: expected one of us, eu, ap, or the name of a region that was added',
    ],
    [['--region', 'sa', '--place', '3'], '--place 3: expected a number from 4 to 10'],
    [['--region', 'us', '--place', '4'], 'with the --region of a region that was added'],
    [['--etcd', 'localhost:2379'], '--etcd localhost:2379: expected a URL'],
    [['--what'], "Unknown option '--what'"],
  ])('refuses %j with a sentence', async (args, sentence) => {
    const { code, output } = await run(...args);
    expect(code).toBe(1);
    expect(output).toContain(sentence);
    expect(output).not.toContain('    at ');
  });

  it('ends its processes when it is killed itself', async () => {
    const cluster = await startCluster();
    const pids = await Promise.all(
      ['coordinator', 'us', 'eu', 'ap'].map(async (name) =>
        Number(await readFile(join(cluster.dataDir, name, 'pid'), 'utf8')),
      ),
    );
    cluster.killLauncher();
    await expect.poll(() => pids.filter(isAlive), { timeout: 30_000 }).toEqual([]);
    await cluster.dispose();
  });
});

function run(...args: string[]): Promise<{ code: number | null; output: string }> {
  const launcher = spawn(process.execPath, [entry, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  const listen = (chunk: Buffer): void => {
    output += chunk.toString();
  };
  launcher.stdout.on('data', listen);
  launcher.stderr.on('data', listen);
  return new Promise((resolve) => launcher.once('close', (code) => resolve({ code, output })));
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
