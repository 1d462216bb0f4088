import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { REGIONS, startCluster, type TestCluster } from '#test/support/cluster.ts';
import { image, pushContent, rootOf } from '#test/support/content.ts';
import { meridian, readTable } from '#test/support/meridian-program.ts';

const durability = z.object({
  digest: z.string(),
  durable: z.boolean(),
  regions: z.array(z.object({ region: z.string(), durable: z.boolean() })),
});

describe('meridian wait', () => {
  let cluster: TestCluster;
  beforeAll(async () => {
    cluster = await startCluster();
  });
  afterAll(() => cluster.dispose());

  it('ends once an image is whole in the regions named, by tag and by digest', async () => {
    const content = image('waited');
    await pushContent(cluster.registry('us'), 'team/waited', content, '1.0');
    const named = REGIONS.flatMap((region) => ['--region', region]);
    const byTag = await meridian(cluster.registry('eu'), 'wait', 'team/waited:1.0', ...named);
    expect([byTag.code, byTag.err]).toEqual([0, '']);
    expect(byTag.out).toContain(rootOf(content).digest);
    const rows = readTable(byTag.out, 'REGION', 'DURABLE', 'MISSING');
    expect(rows.map(({ REGION }) => REGION).sort()).toEqual([...REGIONS].sort());
    for (const row of rows) expect(row).toMatchObject({ DURABLE: 'yes', MISSING: '0' });

    const byDigest = await meridian(
      cluster.registry('ap'),
      ...['wait', `team/waited@${rootOf(content).digest}`, '--json'],
    );
    expect(byDigest.code).toBe(0);
    expect(durability.parse(JSON.parse(byDigest.out)).durable).toBe(true);
  });

  it('waits for a tag that is still to be pushed, but not for ever', async () => {
    const waiting = meridian(cluster.registry('ap'), 'wait', 'team/late:1.0', '--region', 'ap');
    const late = await meridian(cluster.registry('ap'), 'wait', 'team/never:1.0', '--timeout', '300ms');
    expect([late.code, late.out]).toEqual([1, '']);
    expect(late.err).toContain('team/never');
    await pushContent(cluster.registry('us'), 'team/late', image('late'), '1.0');
    expect((await waiting).code).toBe(0);
  });

  it('tells what is not whole in time, with exit code 1', async () => {
    await pushContent(cluster.registry('us'), 'team/away', image('away'), '1.0');
    await cluster.kill('ap');
    const args = ['wait', 'team/away:1.0', '--region', 'ap', '--region', 'us', '--timeout', '1s'];
    const { code, out, err } = await meridian(cluster.registry('us'), ...args);
    expect([code, err]).toEqual([1, expect.stringContaining('not in enough in time')]);
    expect(readTable(out, 'REGION', 'DURABLE')).toEqual(
      expect.arrayContaining([expect.objectContaining({ REGION: 'ap', DURABLE: 'no' })]),
    );
    const json = await meridian(cluster.registry('us'), ...args, '--json');
    expect([json.code, durability.parse(JSON.parse(json.out)).durable]).toEqual([1, false]);
  });

  it('refuses a region that there is not, and what names no image', async () => {
    const nowhere = await meridian(cluster.registry('us'), 'wait', 'team/away:1.0', '--region', 'mars');
    expect([nowhere.code, nowhere.err]).toEqual([1, expect.stringContaining('mars')]);
    const wrong = await meridian(cluster.registry('us'), 'wait', 'team/away');
    expect([wrong.code, wrong.err]).toEqual([2, expect.stringContaining('Expected REPOSITORY:TAG')]);
  });
});
