import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { REGIONS, startCluster, type TestCluster } from '#test/support/cluster.ts';
import { image, pushContent } from '#test/support/content.ts';
import { DAMAGES, loseBlob } from '#test/support/damage.ts';
import { meridian, readTable } from '#test/support/meridian-program.ts';

const reports = z.array(
  z.object({
    region: z.string(),
    running: z.literal(false),
    checked: z.number(),
    damaged: z.number(),
    missing: z.number(),
    lost: z.literal(0),
  }),
);

describe('meridian verify and repair', () => {
  const content = image('healed');
  const [layer = ''] = content.blobs.map(({ digest }) => digest);
  let cluster: TestCluster;
  beforeAll(async () => {
    cluster = await startCluster();
    await pushContent(cluster.registry('us'), 'team/healed', content, '1.0');
    const named = REGIONS.flatMap((region) => ['--region', region]);
    expect((await meridian(cluster.registry('us'), 'wait', 'team/healed:1.0', ...named)).code).toBe(0);
  });
  afterAll(() => cluster.dispose());

  const storageOf = (region: string): string => join(cluster.dataDir, region, 'storage');

  it('find nothing where nothing is wrong', async () => {
    for (const work of ['verify', 'repair']) {
      const { code, out } = await meridian(cluster.registry('us'), work, '--all', '--json');
      expect(code).toBe(0);
      const told = reports.parse(JSON.parse(out));
      expect(told.map(({ region }) => region).sort()).toEqual([...REGIONS].sort());
      for (const { damaged, missing } of told) expect([damaged, missing]).toEqual([0, 0]);
    }
  });

  it('find what is damaged, with exit code 1, and repair it', async () => {
    // The same size, which the region's own comparison has no reason to look at.
    await DAMAGES['with a flipped bit'](storageOf('eu'), layer);
    const found = await meridian(cluster.registry('us'), 'verify', '--region', 'eu');
    expect([found.code, found.err]).toEqual([1, '']);
    expect(readTable(found.out, 'REGION', 'CHECKED', 'DAMAGED', 'REPAIRED', 'LOST')).toMatchObject([
      { REGION: 'eu', DAMAGED: '1', REPAIRED: '1', LOST: '0' },
    ]);
    expect(found.out).toContain(`eu: damaged ${layer}`);
    const again = await meridian(cluster.registry('us'), 'verify', '--region', 'eu');
    expect(again.code).toBe(0);
    expect(readTable(again.out, 'REGION', 'DAMAGED')).toMatchObject([{ REGION: 'eu', DAMAGED: '0' }]);
  });

  it('report what was found all the time and on demand, and what is in quarantine', async () => {
    const report = async (...more: string[]): Promise<string> => {
      const { code, out, err } = await meridian(
        cluster.registry('us'),
        'verify',
        '--all',
        '--report',
        ...more,
      );
      expect([code, err]).toEqual([0, '']);
      return out;
    };
    const rows = readTable(await report(), 'REGION', 'WORK', 'ENDED', 'DAMAGED', 'REPAIRED', 'LOST');
    const round = { WORK: 'last round', ENDED: expect.stringMatching(/^\d{4}-/) as unknown, LOST: '0' };
    expect(rows).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ ...round, REGION: 'eu', DAMAGED: '1', REPAIRED: '1' }),
        expect.objectContaining({ ...round, REGION: 'us', DAMAGED: '0', REPAIRED: '0' }),
        expect.objectContaining({ REGION: 'eu', WORK: 'verify', DAMAGED: '0' }),
        expect.objectContaining({ REGION: 'ap', WORK: 'repair', DAMAGED: '0' }),
      ]),
    );
    const told = JSON.parse(await report('--json')) as { region: string; scrub: { last: object } }[];
    expect(told.find(({ region }) => region === 'eu')).toMatchObject({
      scrub: { last: { damaged: 1, missing: 0, repaired: 1 }, current: null, unrepairable: 0 },
      verify: { region: 'eu', damaged: 0 },
      repair: { region: 'eu', missing: 0 },
    });

    const { out } = await meridian(cluster.registry('us'), 'status');
    expect(out).toMatch(/^Scrubbed +.*eu \d{4}-[-\d]+ [:\d]+ \(1 damaged, 0 missing\)/m);
    expect(out).toMatch(/^Quarantine +eu 1 blob, \d+ B, each for 7 d$/m);
  });

  it('bring back what was deleted from the disk', async () => {
    const repair = async (): Promise<unknown> => {
      await loseBlob(storageOf('ap'), layer);
      const { code, out } = await meridian(cluster.registry('eu'), 'repair', '--region', 'ap', 'team/healed');
      expect(code).toBe(0);
      return readTable(out, 'REGION', 'MISSING', 'REPAIRED');
    };
    // The region compares by itself as well, and may be first once.
    await expect
      .poll(repair, { timeout: 60_000 })
      .toMatchObject([{ REGION: 'ap', MISSING: '1', REPAIRED: '1' }]);
  });

  it('report what regions tell of themselves that can be asked, with exit code 1 where one can not', async () => {
    await cluster.kill('ap');
    const asked = async (): Promise<unknown> => {
      const { code, out } = await meridian(cluster.registry('us'), 'verify', '--all', '--report');
      return { code, out };
    };
    await expect.poll(asked, { timeout: 60_000 }).toMatchObject({
      code: 1,
      out: expect.stringMatching(/^eu +last round[^]*^ap can't be asked/m) as unknown,
    });
    await cluster.restart('ap');
  }, 120_000);

  it('refuse a region that there is not, and none at all', async () => {
    const nowhere = await meridian(cluster.registry('us'), 'verify', '--region', 'mars');
    expect([nowhere.code, nowhere.err]).toEqual([1, expect.stringContaining('mars')]);
    const none = await meridian(cluster.registry('us'), 'repair');
    expect([none.code, none.err]).toEqual([2, expect.stringContaining('Expected --region REGION, or --all')]);
  });
});
