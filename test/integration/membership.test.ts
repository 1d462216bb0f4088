import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startCluster, type TestCluster } from '#test/support/cluster.ts';
import { writeImageLayout } from '#test/support/oci-layout.ts';
import { pull, push, pushBlob, send, type Answer } from '#test/support/registry-client.ts';

const IMAGES = 6;
const NEW = 'sa';

let cluster: TestCluster;
let scratch: string;
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'meridian-membership-'));
  cluster = await startCluster();
});
afterAll(async () => {
  await cluster.dispose();
  await rm(scratch, { recursive: true, force: true });
});

interface Status {
  readonly head: number;
  readonly underReplicated: { readonly blobs: number } | null;
  readonly quorum: { readonly embedded: boolean; readonly leader: string };
  readonly regions: readonly {
    readonly region: string;
    readonly unreachable?: string;
    readonly missingBlobs: number;
    readonly watermark: number;
    readonly blobs: number;
    readonly bytes: number;
    readonly filling: { readonly wantedBlobs: number; readonly wantedManifests: number };
  }[];
}

const json = (answer: Answer): unknown => JSON.parse(answer.body.toString());
const api = (region: string, method: string, path: string, body?: object): Promise<Answer> =>
  send(cluster.registry(region), method, `/meridian/v1/${path}`, body && { body: JSON.stringify(body) });
const statusOf = async (asked: string): Promise<Status> => json(await api(asked, 'GET', 'status')) as Status;
const standing = async (asked: string, region: string) =>
  (await statusOf(asked)).regions.find((one) => one.region === region);
const sha256 = (bytes: Buffer): string => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

const pushNew = async (
  region: string,
  repository: string,
  tag: string,
  layerBytes: number[],
): Promise<Answer> => {
  const dir = join(scratch, `${repository.replaceAll('/', '-')}-${tag}`);
  await writeImageLayout(dir, '1.0', { layerBytes, seed: `${repository}:${tag}` });
  return push(cluster.registry(region), repository, tag, dir);
};

it('an empty region joins a filled cluster, serves everything at once, and fills up until it is whole', async () => {
  for (let i = 0; i < IMAGES; i++) await pushNew('us', 'team/filled', String(i), [500_000, 1_000_000]);
  const before = await statusOf('eu');
  expect(before).toMatchObject({ quorum: { embedded: true }, region: 'eu' });

  await expect(cluster.startAdded(NEW)).rejects.toThrow('A region is added before it is started');
  const added = await api('eu', 'PUT', `regions/${NEW}`, { endpoint: cluster.endpoint(NEW) });
  expect([added.status, json(added)]).toEqual([
    201,
    expect.objectContaining({ region: NEW, state: 'active' }),
  ]);
  expect((await standing('us', NEW))?.unreachable).toBeDefined();
  await cluster.startAdded(NEW);
  await Promise.all(
    Array.from({ length: IMAGES }, (_, i) => pull(cluster.registry(NEW), 'team/filled', String(i))),
  );

  await expect
    .poll(async () => (await standing('us', NEW))?.watermark, { timeout: 30_000, interval: 100 })
    .toBeGreaterThanOrEqual(before.head);
  expect(await standing('us', NEW)).toMatchObject({
    missingBlobs: 0,
    filling: { wantedManifests: IMAGES, missingManifests: 0 },
  });
  expect((await standing('us', NEW))?.bytes).toBe((await standing('us', 'us'))?.bytes);
  expect(cluster.output()).toContain(`region ${NEW} was added`);

  await api('us', 'PATCH', 'repositories/team/all/settings', { durability: 'all' });
  const pushed = await pushNew(NEW, 'team/all', '1', [1000]);
  expect(pushed.headers['meridian-durable-regions']).toBe(`ap,eu,${NEW},us`);
});

it('a region drains and leaves with nothing lost, while pushes go on', async () => {
  await api('us', 'PATCH', 'repositories/team/local/settings', { durability: 'local' });
  const pushes = pushesWithoutEnd();
  await pushNew('ap', 'team/local', '1', [3_000_000]);
  const untied = randomBytes(200_000);
  await pushBlob(cluster.registry('ap'), 'team/unfinished', sha256(untied), untied);
  const opened = await send(cluster.registry('ap'), 'POST', '/v2/team/unfinished/blobs/uploads/');

  const refused = await api('us', 'DELETE', 'regions/ap');
  expect([refused.status, json(refused)]).toMatchObject([409, { errors: [{ detail: { reason: 'state' } }] }]);
  expect((await api('us', 'PATCH', 'regions/ap', { state: 'draining' })).status).toBe(200);
  const early = await api('us', 'DELETE', 'regions/ap');
  expect([early.status, json(early)]).toMatchObject([
    409,
    { errors: [{ code: 'CONFLICT', detail: { reason: 'not drained', region: 'ap', drained: false } }] },
  ]);
  const write = await send(cluster.registry('ap'), 'POST', '/v2/team/local/blobs/uploads/');
  expect([write.status, write.body.toString()]).toEqual([503, expect.stringContaining(`eu, ${NEW}, us`)]);
  await pull(cluster.registry('ap'), 'team/local', '1');

  // Begun before, and ended meanwhile, through another region.
  const late = randomBytes(100_000);
  const location = `${opened.headers.location ?? ''}?digest=${sha256(late)}`;
  expect((await send(cluster.registry('eu'), 'PUT', location, { body: late })).status).toBe(201);

  const remove = async (): Promise<number> => (await api('us', 'DELETE', 'regions/ap')).status;
  await expect.poll(remove, { timeout: 60_000, interval: 500 }).toBe(200);
  await cluster.kill('ap');
  await rm(join(cluster.dataDir, 'ap'), { recursive: true });
  const published = await pushes.end();

  expect(published.length).toBeGreaterThan(5);
  for (const region of ['us', 'eu', NEW]) {
    await pull(cluster.registry(region), 'team/local', '1');
    for (const blob of [untied, late]) {
      const path = `/v2/team/unfinished/blobs/${sha256(blob)}`;
      const found = await send(cluster.registry(region), 'GET', path);
      expect([found.status, sha256(found.body)]).toEqual([200, sha256(blob)]);
    }
    for (const tag of published) await pull(cluster.registry(region), 'team/meanwhile', tag);
  }
  const { regions } = json(await api('eu', 'GET', 'regions')) as { regions: { region: string }[] };
  expect(regions.map(({ region }) => region)).toEqual(['eu', NEW, 'us']);
  expect(cluster.output()).toContain('nothing is lost if this region is removed now');
});

it('a region that stays keeps its place although its configuration still names one that left', async () => {
  await cluster.kill('eu');
  await cluster.restart('eu');
  await pull(cluster.registry('eu'), 'team/local', '1');
  await expect(cluster.restart('ap')).rejects.toThrow('one that was removed does not come back by itself');
});

it('a region that never comes back is removed by force, and pushes count on the rest', async () => {
  await api('us', 'PATCH', 'repositories/team/all/settings', { durability: 'all' });
  await cluster.kill(NEW);
  await api('us', 'PATCH', `regions/${NEW}`, { state: 'draining' });
  const refused = await api('us', 'DELETE', `regions/${NEW}`);
  expect([refused.status, json(refused)]).toMatchObject([
    409,
    {
      errors: [
        { detail: { reason: 'unreachable' }, message: expect.stringContaining('?force=true') as string },
      ],
    },
  ]);
  const forced = await api('us', 'DELETE', `regions/${NEW}?force=true`);
  expect([forced.status, json(forced)]).toMatchObject([
    200,
    { removed: true, mayBeLost: { message: expect.stringContaining('lost') as string } },
  ]);
  const pushed = await pushNew('us', 'team/all', '2', [1000]);
  expect(pushed.headers['meridian-durable-regions']).toBe('eu,us');
});

/** Pushes through the regions that stay, one after the other; `end` gives the tags, all of which were acknowledged. */
function pushesWithoutEnd(): { end(): Promise<string[]> } {
  let ended = false;
  const pushAll = async (region: string): Promise<string[]> => {
    const tags: string[] = [];
    for (let i = 0; !ended; i++) {
      const tag = `${region}-${i}`;
      expect((await pushNew(region, 'team/meanwhile', tag, [2_000])).status).toBe(201);
      tags.push(tag);
      await pause(50);
    }
    return tags;
  };
  const pushing = Promise.all(['us', 'eu'].map(pushAll));
  pushing.catch(() => undefined);
  return {
    end: async () => {
      ended = true;
      return (await pushing).flat();
    },
  };
}
