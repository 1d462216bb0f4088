import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startCluster, type RegionName, type TestCluster } from '#test/support/cluster.ts';
import { collectNow } from '#test/support/collection.ts';
import { pushContent } from '#test/support/content.ts';
import { filesWith, markedImage, newMarker } from '#test/support/marked-content.ts';
import { pull, send, type Answer } from '#test/support/registry-client.ts';

const WAIT = { timeout: 60_000, interval: 200 };
/** Of an image: manifest, config and layers. */
const FILES = 4;

let cluster: TestCluster;
beforeAll(async () => {
  const env = {
    MERIDIAN_COLLECT_GRACE_MS: '0',
    MERIDIAN_COLLECT_INTERVAL_MS: '86400000',
    // What was pushed is kept for a push to come for so long.
    MERIDIAN_PIN_LIFETIME_MS: '3000',
  };
  cluster = await startCluster({ env });
});
afterAll(() => cluster.dispose());

const place = async (repository: string, regions: readonly string[] | null): Promise<void> => {
  const path = `/meridian/v1/repositories/${repository}/settings`;
  const answer = await send(cluster.registry('us'), 'PATCH', path, { body: JSON.stringify({ regions }) });
  expect([answer.status, answer.body.toString()]).toEqual([200, expect.stringContaining('effective')]);
};
const filesIn = async (region: RegionName, marker: string): Promise<number> =>
  (await filesWith(join(cluster.dataDir, region, 'storage'), marker)).length;
const read = (region: RegionName, repository: string): Promise<Answer> =>
  send(cluster.registry(region), 'GET', `/v2/${repository}/manifests/1.0`);
/** Collects in the region until it has none of the content any more. */
const untilLetGo = (region: RegionName, marker: string): Promise<void> =>
  expect
    .poll(async () => {
      const { failure } = await collectNow(cluster.registry('ap'), region);
      return failure ?? (await filesIn(region, marker));
    }, WAIT)
    .toBe(0);

it('content comes to regions where it is placed from now on, and goes from those where it is not any more', async () => {
  const marker = newMarker();
  await place('team/moving', ['us']);
  await pushContent(cluster.registry('us'), 'team/moving', markedImage(marker, 'moving'), '1.0');
  expect(await filesIn('us', marker)).toBe(FILES);
  expect(await filesIn('eu', marker)).toBe(0);

  await place('team/moving', ['eu', 'ap']);
  await expect.poll(async () => (await read('us', 'team/moving')).status, WAIT).toBe(403);
  for (const region of ['eu', 'ap'] as const) {
    await expect.poll(() => filesIn(region, marker), WAIT).toBe(FILES);
    await pull(cluster.registry(region), 'team/moving', '1.0');
  }
  await untilLetGo('us', marker);
  for (const region of ['eu', 'ap'] as const) await pull(cluster.registry(region), 'team/moving', '1.0');

  await place('team/moving', []);
  await expect.poll(() => filesIn('us', marker), WAIT).toBe(FILES);
  await pull(cluster.registry('us'), 'team/moving', '1.0');
});

it('the last copies stay where they must not be read until the others have them', async () => {
  const marker = newMarker();
  await pushContent(cluster.registry('eu'), 'team/last', markedImage(marker, 'last'), '1.0');
  for (const region of ['us', 'ap'] as const) {
    await expect.poll(() => filesIn(region, marker), WAIT).toBe(FILES);
  }
  await place('team/last', ['us']);
  await expect.poll(async () => (await read('eu', 'team/last')).status, WAIT).toBe(403);
  await cluster.kill('us');
  const registry = cluster.registry('ap');
  // Long enough for everything that is pinned to be over.
  for (const region of ['eu', 'ap']) {
    for (let rounds = 0; rounds < 3; rounds++) {
      expect((await collectNow(registry, region)).failure).toBeUndefined();
    }
  }
  await expect
    .poll(async () => {
      const query = `/meridian/v1/regions/eu/collection/blobs`;
      const lines = (await send(registry, 'GET', query)).body.toString().trimEnd().split('\n');
      return lines.every((line) => !line.includes('"pins":[{'));
    }, WAIT)
    .toBe(true);
  for (let rounds = 0; rounds < 3; rounds++) await collectNow(registry, 'eu');
  expect(await filesIn('eu', marker)).toBe(FILES);

  await cluster.restart('us');
  await untilLetGo('eu', marker);
  await untilLetGo('ap', marker);
  await pull(cluster.registry('us'), 'team/last', '1.0');
});

it('settings that name no region of the cluster, or ask for copies in more than may have them, are refused with what to do', async () => {
  const patch = (path: string, body: object): Promise<Answer> =>
    send(cluster.registry('us'), 'PATCH', `/meridian/v1/${path}`, { body: JSON.stringify(body) });
  const own = 'repositories/team/refused/settings';
  const rules = (pattern: string, ...regions: string[]): object => ({ placements: [{ pattern, regions }] });
  const refusals: [string, object, string][] = [
    [own, { regions: ['eu', 'moon'] }, 'There is no region moon in this cluster; its regions are ap, eu, us'],
    [
      own,
      { regions: ['eu'], durability: 2 },
      'asks for 2 regions, but its content may be in 1 active ones: eu',
    ],
    [own, { regions: ['eu', 'eu'] }, 'different regions'],
    [own, { regions: 'eu' }, 'a list of at most'],
    [own, rules('**', 'eu'), 'The setting placements is one of the defaults: here set regions'],
    [
      'settings',
      { regions: ['eu'] },
      'The setting regions is one of single repositories: here set placements',
    ],
    ['settings', rules('**', 'moon'), 'There is no region moon'],
    ['settings', rules('**'), 'one different region at least'],
    ['settings', rules('Team/**', 'eu'), 'in a pattern * stands for'],
  ];
  for (const [path, body, sentence] of refusals) {
    const answer = await patch(path, body);
    expect([answer.status, answer.body.toString()]).toEqual([400, expect.stringContaining(sentence)]);
  }
});
