import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, describe, expect, it } from 'vitest';
import { meridian } from '#test/support/meridian-program.ts';
import { freePorts } from '#test/support/ports.ts';

const NOWHERE = '127.0.0.1:9';
const root = join(import.meta.dirname, '../../..');

describe('wrong usage is told in a sentence, with exit code 2:', () => {
  it.each([
    [['colect'], 'There is no command "colect"; did you mean collect?'],
    [['frobnicate'], 'There is no command "frobnicate".'],
    [['collect', '--regoin', 'us'], 'There is no option --regoin; did you mean --region?'],
    [['collect'], 'Which region?'],
    [['collect', '--region'], "'--region <value>' argument missing"],
    [['collect', '--region', 'us', 'more'], 'Nothing was expected at "more".'],
    [['settings', 'sett', 'durability=2'], 'did you mean set?'],
    [['settings', 'set'], 'Expected KEY=VALUE'],
    [['settings', '--registry', 'ftp://example.test'], 'expected a URL'],
    [[], 'What is to be done?'],
  ])('meridian %j', async (args, sentence) => {
    const { code, out, err } = await meridian(NOWHERE, ...args);
    expect([code, out]).toEqual([2, '']);
    expect(err).toContain(sentence);
    expect(err).toContain('meridian help');
  });
});

it('help is given for everything, and for each command', async () => {
  const { code, out } = await meridian(NOWHERE, 'help');
  expect(code).toBe(0);
  const commands = Array.from(out.matchAll(/^ {2}([a-z]+) {2,}/gm), ([, name = '']) => name);
  expect(commands).toEqual(expect.arrayContaining(['settings', 'collect', 'help']));
  for (const name of commands.filter((command) => command !== 'help')) {
    const [told, toldByOption] = await Promise.all([
      meridian(NOWHERE, 'help', name),
      meridian(NOWHERE, name, '--help'),
    ]);
    expect([told.code, told.out]).toEqual([0, expect.stringContaining(`Usage: meridian ${name}`)]);
    expect(toldByOption).toEqual(told);
  }
});

it('a registry that is not there is told of with exit code 3', async () => {
  const [port = 0] = await freePorts(1);
  const registry = `127.0.0.1:${port}`;
  const { code, out, err } = await meridian(registry, 'settings');
  expect([code, out]).toEqual([3, '']);
  expect(err).toContain(`http://${registry} can't be reached`);
});

describe('npx meridian', () => {
  let folder: string;
  afterEach(() => rm(folder, { recursive: true, force: true }));

  it('runs in the checkout, on the Node that comes with it', async () => {
    folder = await mkdtemp(join(tmpdir(), 'meridian-npx-'));
    const env = { ...process.env, npm_config_cache: folder, npm_config_offline: 'true' };
    const { stdout } = await promisify(execFile)('npx', ['meridian', '--version'], { cwd: root, env });
    expect(stdout.trim()).toMatch(/^\d+\.\d+\.\d+$/);
  });
});
