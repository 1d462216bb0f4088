import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { existsSync, lstatSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, describe, expect, it } from 'vitest';

const root = join(import.meta.dirname, '../../..');
const folders: string[] = [];

afterEach(async () => {
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true });
});

/** A checkout with its types generated, without dependencies. */
async function checkout(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'meridian-setup-'));
  folders.push(folder);
  for (const part of ['deploy', 'proto/meridian', 'package.json', 'package-lock.json', '.npmrc'])
    await cp(join(root, part), join(folder, part), { recursive: true });
  // As generated from these contracts; generating needs the dependencies.
  await mkdir(join(folder, 'proto/types'), { recursive: true });
  return folder;
}

/** Runs the set-up on this very Node, where no registry can be reached. */
async function setUp(folder: string): Promise<{ code: number; stdout: string; stderr: string }> {
  const child = spawn(process.execPath, [join(folder, 'deploy/setup.mjs')], {
    env: {
      PATH: process.env['PATH'],
      HOME: folder,
      npm_config_registry: 'http://127.0.0.1:1/',
      npm_config_cache: join(folder, 'cache'),
      npm_config_fetch_retries: '0',
    },
  });
  const exited = once(child, 'exit');
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
  const [code] = (await exited) as [number];
  return { code, stdout, stderr };
}

/** What npm leaves of a complete installation. */
async function installed(folder: string): Promise<void> {
  const lock = JSON.parse(await readFile(join(folder, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, unknown>;
  };
  delete lock.packages[''];
  await mkdir(join(folder, 'node_modules/.bin'), { recursive: true });
  await writeFile(join(folder, 'node_modules/.package-lock.json'), JSON.stringify(lock));
}

describe('the set-up', () => {
  it('has nothing to do where it was done, and says nothing', async () => {
    expect(await setUp(root)).toEqual({ code: 0, stdout: '', stderr: '' });
  });

  it('says in one sentence that there is no network, and changes nothing', async () => {
    const folder = await checkout();
    expect(await setUp(folder)).toEqual({
      code: 1,
      stdout: 'Installing dependencies (once, about a minute)…\n',
      stderr:
        "meridian: Installing the dependencies failed: http://127.0.0.1:1 can't be reached (ECONNREFUSED). " +
        'Check the network and `npm config get registry`, then try again.\n',
    });
    expect(existsSync(join(folder, 'node_modules'))).toBe(false);
  });

  it('installs again when the lock file has changed', async () => {
    const folder = await checkout();
    await installed(folder);
    const path = join(folder, 'package-lock.json');
    const lock = await readFile(path, 'utf8');
    await writeFile(path, lock.replace(/("node_modules\/koa": \{\s+"version": ")[^"]+/, '$199.0.0'));
    expect((await setUp(folder)).stdout).toContain('Installing dependencies');
  });

  it('uses the Node of the machine, where that is new enough, instead of one that does not run', async () => {
    const folder = await checkout();
    await installed(folder);
    const link = join(folder, 'node_modules/.bin/node');
    await symlink('../node/bin/node', link);
    expect(await setUp(folder)).toEqual({ code: 0, stdout: '', stderr: '' });
    expect(lstatSync(link, { throwIfNoEntry: false })).toBeUndefined();
  });
});
