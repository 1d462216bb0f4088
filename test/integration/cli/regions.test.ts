import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { REGIONS, startCluster, type TestCluster } from '#test/support/cluster.ts';
import { image, pushContent } from '#test/support/content.ts';
import { meridian, readTable } from '#test/support/meridian-program.ts';

const status = z.object({
  region: z.string(),
  head: z.number(),
  stalenessMs: z.number(),
  quorum: z.object({ leader: z.string() }),
  regions: z.array(z.object({ region: z.string(), state: z.string(), live: z.boolean() })),
});
const entry = join(import.meta.dirname, '../../../services/cli/meridian.mjs');

let cluster: TestCluster;
beforeAll(async () => {
  cluster = await startCluster();
  await pushContent(cluster.registry('us'), 'team/app', image('operated'), '1.0');
});
afterAll(() => cluster.dispose());

const states = async (): Promise<Record<string, string>> => {
  const { code, out } = await meridian(cluster.registry('us'), 'regions');
  expect(code).toBe(0);
  const rows = readTable(out, 'REGION', 'STATE', 'ENDPOINT', 'LABELS');
  return Object.fromEntries(rows.map(({ REGION = '', STATE = '' }) => [REGION, STATE]));
};

describe('meridian status', () => {
  it('shows each region, the quorum and what is under-replicated', async () => {
    const { code, out, err } = await meridian(cluster.registry('eu'), 'status');
    expect([code, err]).toEqual([0, '']);
    expect(out).toMatch(/^Registry +.*as eu sees it$/m);
    expect(out).toMatch(/^Quorum +\S+/m);
    expect(out).toMatch(/^Under-replicated +\S+/m);
    const rows = readTable(out, 'REGION', 'STATE', 'ROUND TRIP', 'STALENESS', 'LAG', 'MISSING', 'FREE');
    expect(rows.map(({ REGION }) => REGION?.replace(' *', '')).sort()).toEqual([...REGIONS].sort());
    for (const row of rows) {
      expect(row).toMatchObject({
        STATE: 'active',
        STALENESS: expect.stringMatching(/^[\d.]+ m?s$/) as unknown,
      });
    }
  });

  it('tells programs the same', async () => {
    const { code, out } = await meridian(cluster.registry('ap'), '--json', 'status');
    expect(code).toBe(0);
    const told = status.parse(JSON.parse(out));
    expect(told.region).toBe('ap');
    expect(told.regions.map(({ region }) => region).sort()).toEqual([...REGIONS].sort());
  });

  it('shows it again and again, until Ctrl-C', async () => {
    const args = ['status', '--watch', '--json', '--registry', cluster.registry('us')];
    const watch = spawn(entry, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    let text = '';
    watch.stdout.on('data', (chunk: Buffer) => {
      text += chunk.toString();
      if (text.split('\n').length > 2) watch.kill('SIGINT');
    });
    const [code] = (await once(watch, 'close')) as [number | null];
    expect(code).toBe(0);
    for (const line of text.trimEnd().split('\n')) status.parse(JSON.parse(line));
  });
});

describe('meridian regions', () => {
  it('adds a region, and removes it again by force only', async () => {
    const added = await meridian(
      cluster.registry('us'),
      ...['regions', 'add', 'sa', '--endpoint', '127.0.0.1:9', '--label', 'continent=south-america'],
    );
    expect([added.code, added.out]).toEqual([0, 'sa is added.\n']);
    const { out } = await meridian(cluster.registry('us'), 'regions', 'list');
    expect(readTable(out, 'REGION', 'LABELS')).toContainEqual(
      expect.objectContaining({ REGION: 'sa', STATE: 'active', LABELS: 'continent=south-america' }),
    );
    const refused = await meridian(cluster.registry('us'), 'regions', 'remove', 'sa');
    expect([refused.code, refused.err]).toEqual([1, expect.stringContaining('meridian regions drain sa')]);
    const away = await meridian(cluster.registry('us'), 'status');
    expect(away.out).toContain("sa can't be asked");
    const removed = await meridian(cluster.registry('us'), 'regions', 'remove', 'sa', '--force');
    expect([removed.code, removed.out]).toEqual([0, 'sa is removed.\n']);
    expect(Object.keys(await states())).not.toContain('sa');
  });

  it('begins to drain a region, which goes on when nobody watches, and has it stay', async () => {
    const begun = await meridian(cluster.registry('us'), 'regions', 'drain', 'ap', '--no-wait', '--json');
    expect([begun.code, JSON.parse(begun.out)]).toMatchObject([0, { region: 'ap', state: 'draining' }]);
    expect(await states()).toMatchObject({ ap: 'draining', eu: 'active' });
    const stays = await meridian(cluster.registry('us'), 'regions', 'activate', 'ap');
    expect(stays.code).toBe(0);
    expect(await states()).toMatchObject({ ap: 'active' });
  });

  it('leaves the draining to itself on Ctrl-C, and says so', async () => {
    await cluster.kill('ap');
    const args = ['regions', 'drain', 'ap', '--registry', cluster.registry('us')];
    const drain = spawn(entry, args, { stdio: ['ignore', 'ignore', 'pipe'] });
    let told = '';
    drain.stderr.on('data', (chunk: Buffer) => (told += chunk.toString()));
    await expect.poll(states, { timeout: 20_000 }).toMatchObject({ ap: 'draining' });
    drain.kill('SIGINT');
    const [code] = (await once(drain, 'close')) as [number | null];
    expect([code, told]).toEqual([130, expect.stringContaining('ap goes on draining')]);
    await cluster.restart('ap');
  });

  it('waits until a region is drained, then lets it go', async () => {
    const drained = await meridian(cluster.registry('us'), 'regions', 'drain', 'ap');
    expect([drained.code, drained.out]).toEqual([0, expect.stringContaining('ap is drained')]);
    const removed = await meridian(cluster.registry('eu'), 'regions', 'remove', 'ap');
    expect([removed.code, removed.out]).toEqual([0, 'ap is removed.\n']);
    expect(Object.keys(await states()).sort()).toEqual(['eu', 'us']);
  });

  it.each([
    [['regions', 'dran', 'eu'], 'did you mean drain?'],
    [['regions', 'drain'], 'Which region?'],
    [['regions', 'add', 'sa'], 'Expected --endpoint HOST:PORT'],
    [['regions', 'add', 'sa', '--endpoint', 'h:1', '--label', 'x'], 'expected KEY=VALUE'],
  ])('tells wrong usage of %j', async (args, sentence) => {
    const { code, err } = await meridian(cluster.registry('us'), ...args);
    expect([code, err]).toEqual([2, expect.stringContaining(sentence)]);
  });
});
