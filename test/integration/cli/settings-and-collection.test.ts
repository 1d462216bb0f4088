import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { startCluster, type TestCluster } from '#test/support/cluster.ts';
import { image, pushContent, rootOf } from '#test/support/content.ts';
import { meridian, readTable } from '#test/support/meridian-program.ts';
import { send } from '#test/support/registry-client.ts';

let cluster: TestCluster;
beforeAll(async () => {
  const env = {
    MERIDIAN_COLLECT_GRACE_MS: '0',
    MERIDIAN_PIN_LIFETIME_MS: '500',
    MERIDIAN_COLLECT_INTERVAL_MS: '86400000',
  };
  cluster = await startCluster({ env });
});
afterAll(() => cluster.dispose());

describe('meridian settings', () => {
  const settings = z.object({
    repository: z.string().optional(),
    effective: z.record(z.string(), z.object({ value: z.unknown(), source: z.string() })),
  });
  const row = async (name: string, ...args: string[]): Promise<Record<string, string> | undefined> => {
    const { code, out, err } = await meridian(cluster.registry('eu'), 'settings', ...args);
    expect([code, err]).toEqual([0, '']);
    return readTable(out, 'SETTING', 'VALUE', 'FROM').find(({ SETTING }) => SETTING === name);
  };

  it('shows the defaults, and what is built in', async () => {
    expect(await row('reads')).toEqual({ SETTING: 'reads', VALUE: 'bounded', FROM: 'built-in' });
    expect(await row('maxStalenessMs', 'show')).toMatchObject({ VALUE: '–' });
  });

  it('sets and unsets those of a repository, seen through every region', async () => {
    const { code, out } = await meridian(
      cluster.registry('us'),
      ...['settings', 'set', 'durability=all', 'maxStalenessMs=30s', 'team/app', '--json'],
    );
    expect(code).toBe(0);
    expect(settings.parse(JSON.parse(out))).toMatchObject({
      repository: 'team/app',
      effective: {
        durability: { value: 'all', source: 'repository' },
        maxStalenessMs: { value: 30_000, source: 'repository' },
      },
    });
    expect(await row('durability', 'team/app')).toMatchObject({ VALUE: 'all', FROM: 'repository' });
    await meridian(cluster.registry('ap'), 'settings', 'unset', 'durability', 'team/app');
    expect(await row('durability', 'show', 'team/app')).toMatchObject({ VALUE: '2', FROM: 'built-in' });
  });

  it("says in the registry's own words what it refuses", async () => {
    const { code, out, err } = await meridian(
      cluster.registry('us'),
      ...['settings', 'set', 'reads=often', '--json'],
    );
    expect(code).toBe(1);
    expect(err).toContain('The setting reads should be "bounded" or "strong"');
    expect(JSON.parse(out)).toMatchObject({ error: { status: 400, code: 'REQUEST_INVALID' } });
  });
});

describe('meridian collect', () => {
  it('explains what is kept and what goes, then removes what goes', async () => {
    const content = image('collected');
    const registry = cluster.registry('us');
    await pushContent(registry, 'team/collected', content, '1.0');
    const digests = content.blobs.map(({ digest }) => digest);
    const [layer = ''] = digests;

    const kept = await meridian(registry, 'collect', '--region', 'us', '--dry-run', layer);
    expect([kept.code, kept.err]).toEqual([0, '']);
    expect(readTable(kept.out, 'DIGEST', 'FATE', 'WHY')).toEqual([
      {
        DIGEST: layer,
        SIZE: expect.stringMatching(/^\d+ B$/) as unknown,
        FATE: 'kept',
        WHY: expect.stringContaining('team/collected@') as unknown,
      },
    ]);

    await send(registry, 'DELETE', `/v2/team/collected/manifests/${rootOf(content).digest}`);
    const fates = async (): Promise<unknown[]> => {
      const { out } = await meridian(
        registry,
        'collect',
        '--region',
        'us',
        '--dry-run',
        '--json',
        ...digests,
      );
      const lines = out.split('\n').filter((line) => line !== '');
      return lines.map((line) => (JSON.parse(line) as { kept: boolean }).kept);
    };
    await expect.poll(fates, { timeout: 30_000 }).toEqual(digests.map(() => false));
    await expect
      .poll(
        async () => {
          const { code, out } = await meridian(registry, 'collect', '--region', 'us');
          expect(code).toBe(0);
          expect(readTable(out, 'REGION', 'BLOBS', 'REMOVED')).toMatchObject([{ REGION: 'us' }]);
          return fates();
        },
        { timeout: 30_000 },
      )
      .toEqual([]);
  });

  it('tells programs of each region, and joins what runs', async () => {
    const report = z.array(z.object({ region: z.string(), running: z.literal(false), looked: z.number() }));
    const args = ['collect', '--region', 'us', '--region', 'ap', '--json'];
    const [one, other] = await Promise.all([
      meridian(cluster.registry('eu'), ...args),
      meridian(cluster.registry('us'), ...args),
    ]);
    for (const { code, out } of [one, other]) {
      expect(code).toBe(0);
      expect(report.parse(JSON.parse(out)).map(({ region }) => region)).toEqual(['us', 'ap']);
    }
  });

  it('refuses a region that there is not, and what is no digest', async () => {
    const nowhere = await meridian(cluster.registry('us'), 'collect', '--region', 'mars');
    expect([nowhere.code, nowhere.err]).toEqual([1, expect.stringContaining('There is no region')]);
    const wrong = await meridian(
      cluster.registry('us'),
      'collect',
      '--region',
      'us',
      '--dry-run',
      'sha256:1',
    );
    expect([wrong.code, wrong.err]).toEqual([1, expect.stringContaining('sha256:1')]);
  });
});
