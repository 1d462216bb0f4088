import { expect, it } from 'vitest';
import { memoryRegions } from '#test/support/memory/region.ts';
import {
  errorCode,
  frontendsOfEachTest,
  imageManifest,
  json,
  pushBlob,
  pushImage,
  putManifest,
  sha256,
  someBytes,
  type TestFrontend,
} from './harness.ts';

const start = frontendsOfEachTest();

const REGIONS = '/meridian/v1/regions';
const UPLOADS = '/v2/team/app/blobs/uploads/';

const change = (to: TestFrontend, region: string, body: object) =>
  to.send('PATCH', `${REGIONS}/${region}`, { body: JSON.stringify(body) });

/** Drains the region, and waits until its front end knows. */
const drain = async (frontend: TestFrontend, region: string) => {
  expect((await change(frontend, region, { state: 'draining' })).status).toBe(200);
  await expect.poll(async () => (await frontend.send('POST', UPLOADS)).status, { interval: 20 }).toBe(503);
};

it('adds, changes and lists regions', async () => {
  const frontend = await start(memoryRegions('us', 'eu').us);
  const body = JSON.stringify({ endpoint: 'sa.test:5100', labels: { continent: 'south-america' } });
  const added = await frontend.send('PUT', `${REGIONS}/sa`, { body });
  expect([added.status, json(added)]).toEqual([
    201,
    { region: 'sa', state: 'active', endpoint: 'sa.test:5100', labels: { continent: 'south-america' } },
  ]);
  expect(added.headers['meridian-revision']).toMatch(/^memory:\d+$/);
  expect((await frontend.send('PUT', `${REGIONS}/sa`, { body })).status).toBe(200);
  expect(json(await change(frontend, 'sa', { labels: {} }))).toMatchObject({ state: 'active', labels: {} });
  const { regions } = json(await frontend.send('GET', REGIONS)) as { regions: { region: string }[] };
  expect(regions.map(({ region }) => region)).toEqual(['us', 'eu', 'sa']);
});

it.each([
  ['PUT', ''],
  ['PUT', '{}'],
  ['PUT', '{"endpoint": 5}'],
  ['PUT', '{"endpoint": "a:1", "more": 1}'],
  ['PATCH', '{}'],
  ['PATCH', '{"state": "gone"}'],
  ['PATCH', '{"state": "active", "endpoint": "a:1"}'],
  ['PATCH', '[]'],
])('refuses %s of a region with %j', async (method, body) => {
  const frontend = await start(memoryRegions('us', 'eu').us);
  const answer = await frontend.send(method, `${REGIONS}/eu`, { body });
  expect([answer.status, errorCode(answer)]).toEqual([400, 'REQUEST_INVALID']);
});

it('takes no new content while its region drains, names the others, and reads on', async () => {
  const { us } = memoryRegions('us', 'eu', 'ap');
  const frontend = await start(us);
  const image = await pushImage(frontend, 'team/app', '1.0');
  const opened = await frontend.send('POST', UPLOADS);
  await drain(frontend, 'us');
  const layer = someBytes(100);
  for (const refused of [
    await frontend.send('POST', UPLOADS),
    await frontend.send('POST', `${UPLOADS}?mount=${image.layerDigest}&from=team/app`),
    await frontend.send('POST', `${UPLOADS}?digest=${sha256(layer)}`, { body: layer }),
    await putManifest(frontend, 'team/app', '2.0', imageManifest(image.layer)),
  ]) {
    expect([refused.status, errorCode(refused)]).toEqual([503, 'UNAVAILABLE']);
    expect(refused.headers['retry-after']).toBe('30');
    expect(refused.body.toString()).toContain('Push through another region: eu, ap.');
  }
  expect((await frontend.send('GET', '/v2/team/app/manifests/1.0')).status).toBe(200);
  expect((await frontend.send('GET', `/v2/team/app/blobs/${image.layerDigest}`)).status).toBe(200);

  // What was begun may end, and is then in another region too.
  const location = opened.headers.location ?? '';
  const ended = await frontend.send('PUT', `${location}?digest=${sha256(layer)}`, { body: layer });
  expect(ended.status).toBe(201);
  expect(us.transfer.keptElsewhere).toEqual([
    { region: 'us', repository: 'team/app', digest: sha256(layer), size: layer.length, isNew: true },
  ]);

  await change(frontend, 'us', { state: 'active' });
  await expect.poll(async () => (await frontend.send('POST', UPLOADS)).status, { interval: 20 }).toBe(202);
  await pushBlob(frontend, 'team/app', someBytes(10));
  expect(us.transfer.keptElsewhere).toHaveLength(1);
});

it('removes a region only once it drains and nothing is left that only it has', async () => {
  const frontend = await start(memoryRegions('us', 'eu', 'ap').us);
  const remove = (region: string, query = '') => frontend.send('DELETE', `${REGIONS}/${region}${query}`);
  const active = await remove('ap');
  expect([active.status, errorCode(active)]).toEqual([409, 'CONFLICT']);
  await change(frontend, 'ap', { state: 'draining', labels: { sole: '3' } });
  const early = await remove('ap');
  expect(early.status).toBe(409);
  expect(json(early)).toMatchObject({
    errors: [{ code: 'CONFLICT', detail: { reason: 'not drained', soleBlobs: 3, soleBytes: 300 } }],
  });
  expect(early.headers['retry-after']).toBe('10');
  await change(frontend, 'ap', { labels: {} });
  const removed = await remove('ap');
  expect([removed.status, json(removed)]).toEqual([
    200,
    expect.objectContaining({ region: 'ap', removed: true }),
  ]);
  expect((await remove('ap')).status).toBe(404);

  const forced = await remove('eu', '?force=true');
  expect(forced.status).toBe(200);
  expect(json(forced)).toMatchObject({ removed: true, mayBeLost: { drained: false } });
});

it('tells how the cluster stands, and who does not answer', async () => {
  const { us } = memoryRegions('us', 'eu', 'ap');
  const { operations } = us;
  const lag = (region: string, state = 'active') => ({ region, live: true, state, roundTripMs: 12.345 });
  const frontend = await start(us, {
    collaborators: {
      catalog: {
        ...us.catalog.catalog,
        status: async (...call) => ({
          ...(await us.catalog.catalog.status(...call)),
          position: { catalogId: 'memory', revision: 9, stalenessMs: 30 },
          regions: [lag('us'), lag('eu'), lag('ap')],
        }),
      },
      operations: {
        ...operations,
        getStanding: (request, { signal }) =>
          request.region === 'ap'
            ? new Promise((_resolve, reject) => {
                signal.addEventListener('abort', () => reject(signal.reason as Error));
              })
            : operations.getStanding(request, { signal }),
      },
    },
  });
  await change(frontend, 'eu', { state: 'draining' });
  const status = json(await frontend.send('GET', '/meridian/v1/status')) as { regions: object[] };
  expect(status).toMatchObject({
    region: 'us',
    catalogId: 'memory',
    head: 9,
    stalenessMs: 30,
    underReplicated: null,
    quorum: { unreachable: 'There is no etcd.' },
  });
  expect(status.regions).toMatchObject([
    {
      region: 'us',
      state: 'active',
      live: true,
      watermark: 5,
      lag: 4,
      missingBlobs: 4,
      filling: { secondsLeft: 4 },
    },
    { region: 'eu', state: 'draining', roundTripMs: 12.3, drain: { drained: true } },
    { region: 'ap', live: true, unreachable: expect.stringContaining('No answer came') as string },
  ]);
});

it('is not stopped by what it has not been told for a while', async () => {
  const { us } = memoryRegions('us', 'eu');
  const frontend = await start(us, {
    settings: { maxFrameGapMs: 200 },
    collaborators: {
      catalog: {
        ...us.catalog.catalog,
        // One frame that says it drains, and then nothing.
        async *follow(_request, { signal }) {
          const position = { catalogId: 'memory', revision: 1, stalenessMs: 0 };
          const rest = { reset: true, tags: [], repositories: [], elsewhere: ['eu'] };
          const placements = { rules: [], repositories: [] };
          yield { position, process: 'p', regionState: 'draining', ...rest, placements };
          await new Promise((resolve) => signal.addEventListener('abort', resolve));
        },
      },
    },
  });
  await expect.poll(async () => (await frontend.send('POST', UPLOADS)).status, { interval: 20 }).toBe(202);
});
