import { expect, it } from 'vitest';
import { memoryRegions } from '#test/support/memory/region.ts';
import type { Answer } from '#test/support/registry-client.ts';
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

const DEFAULTS = '/meridian/v1/settings';
const APP = '/meridian/v1/repositories/team/app/settings';

const patch = (
  to: TestFrontend,
  path: string,
  body: unknown,
  headers: Record<string, string> = {},
): Promise<Answer> => to.send('PATCH', path, { headers, body: JSON.stringify(body) });

it("tells a repository's settings, what is in force and where it comes from", async () => {
  const { us } = memoryRegions('us', 'eu', 'ap');
  const frontend = await start(us);
  await patch(frontend, DEFAULTS, { reads: 'strong' });
  expect((await patch(frontend, APP, { durability: 3 })).status).toBe(200);
  const answer = await frontend.send('GET', APP);
  expect(json(answer)).toEqual({
    repository: 'team/app',
    settings: { durability: 3 },
    effective: {
      durability: { value: 3, source: 'repository' },
      untagged: { value: 'keep', source: 'built-in' },
      reads: { value: 'strong', source: 'defaults' },
      maxStalenessMs: { value: null, source: 'built-in' },
      missing: { value: 'refuse', source: 'built-in' },
      regions: { value: [], source: 'built-in' },
    },
  });
  expect(answer.headers['meridian-revision']).toMatch(/^memory:\d+$/);
  expect(answer.headers['cache-control']).toBe('no-store');
  expect(json(await frontend.send('GET', DEFAULTS))).toMatchObject({ settings: { reads: 'strong' } });
});

it('changes them by a merge patch: null unsets, what is not named stays', async () => {
  const { us } = memoryRegions('us');
  const frontend = await start(us);
  await patch(frontend, APP, { reads: 'strong', missing: 'accept' });
  const answer = await patch(frontend, APP, { reads: null });
  expect(json(answer)).toMatchObject({ settings: { missing: 'accept' } });
  expect(json(answer)).not.toHaveProperty('settings.reads');
});

it('changes them only at the ETag that If-Match names', async () => {
  const { us } = memoryRegions('us');
  const frontend = await start(us);
  expect((await frontend.send('GET', APP)).headers.etag).toBe('"0"');
  const created = await patch(frontend, APP, { reads: 'strong' }, { 'if-match': '"0"' });
  expect(created.status).toBe(200);
  const late = await patch(frontend, APP, { reads: 'bounded' }, { 'if-match': '"0"' });
  expect([late.status, errorCode(late)]).toEqual([412, 'PRECONDITION_FAILED']);
  const etag = String(created.headers.etag);
  expect((await patch(frontend, APP, { reads: 'bounded' }, { 'if-match': etag })).status).toBe(200);
  const malformed = await patch(frontend, APP, {}, { 'if-match': 'W/"1"' });
  expect([malformed.status, errorCode(malformed)]).toEqual([400, 'REQUEST_INVALID']);
});

it.each([
  ['PATCH', APP, '{"durability": 9}', 400, 'REQUEST_INVALID'],
  ['PATCH', APP, 'durability', 400, 'REQUEST_INVALID'],
  ['PATCH', APP, ' '.repeat(70_000), 413, 'TOO_LARGE'],
  ['PATCH', '/meridian/v1/repositories/Team/settings', '{}', 400, 'NAME_INVALID'],
  ['PUT', APP, '{}', 405, 'UNSUPPORTED'],
  ['GET', '/meridian/v1/repositories/settings', '', 404, 'NAME_UNKNOWN'],
])('refuses %s %s with %s', async (method, path, body, status, code) => {
  const { us } = memoryRegions('us');
  const frontend = await start(us);
  const answer = await frontend.send(method, path, { body });
  expect([answer.status, errorCode(answer)]).toEqual([status, code]);
  expect(frontend.faults).toEqual([]);
});

it('says 503 while the quorum is away', async () => {
  const { us } = memoryRegions('us');
  const frontend = await start(us);
  us.catalog.cutOff();
  expect((await frontend.send('GET', APP)).status).toBe(503);
  expect((await patch(frontend, APP, { reads: 'strong' })).status).toBe(503);
});

it.each([
  ['the repository', APP],
  ['the defaults', DEFAULTS],
])('answers nothing from its caches once %s says strong', async (_whose, path) => {
  const { us, eu } = memoryRegions('us', 'eu');
  let calls = 0;
  const { catalog } = eu.catalog;
  const here = await start(eu, {
    collaborators: {
      catalog: {
        ...catalog,
        resolve: (...args) => ((calls += 1), catalog.resolve(...args)),
        findBlob: (...args) => ((calls += 1), catalog.findBlob(...args)),
      },
    },
  });
  const image = await pushImage(here, 'team/app', 'latest');
  const paths = ['manifests/latest', `manifests/${image.digest}`, `blobs/${image.layerDigest}`];
  const callsOfRound = async (): Promise<number> => {
    calls = 0;
    for (const part of paths) {
      expect((await here.send('GET', `/v2/team/app/${part}`)).status).toBe(200);
    }
    return calls;
  };
  while ((await callsOfRound()) > 0);

  // Through this front end: from the next request on.
  await patch(here, path, { reads: 'strong' });
  for (let round = 0; round < 3; round++) expect(await callsOfRound()).toBe(paths.length);
  await patch(here, path, { reads: null });
  while ((await callsOfRound()) > 0);

  // Through another one: as soon as this region's catalog has told of it.
  const there = await start(us);
  expect((await patch(there, path, { reads: 'strong' })).status).toBe(200);
  const deadline = performance.now() + 5000;
  while ((await callsOfRound()) < paths.length) expect(performance.now()).toBeLessThan(deadline);
  for (let round = 0; round < 3; round++) expect(await callsOfRound()).toBe(paths.length);
});

it('takes a manifest that names what is not there, where the setting accepts it, and gives no access to that', async () => {
  const { us } = memoryRegions('us');
  const frontend = await start(us);
  const [layer, stranger] = [someBytes(50), someBytes(60)];
  await pushBlob(frontend, 'team/app', Buffer.from('{}'));
  const bytes = imageManifest(layer);
  expect((await putManifest(frontend, 'team/app', '1', bytes)).status).toBe(404);
  await patch(frontend, APP, { missing: 'accept' });
  expect((await putManifest(frontend, 'team/app', '1', bytes)).status).toBe(201);
  await pushBlob(frontend, 'team/stranger', stranger);
  for (const digest of [sha256(layer), sha256(stranger)]) {
    expect((await frontend.send('GET', `/v2/team/app/blobs/${digest}`)).status).toBe(404);
  }
  await pushBlob(frontend, 'team/app', layer);
  expect((await frontend.send('GET', `/v2/team/app/blobs/${sha256(layer)}`)).status).toBe(200);
});
