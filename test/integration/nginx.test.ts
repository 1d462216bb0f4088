import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loggedRequests } from '#test/support/access-log.ts';
import { startCluster, type TestCluster } from '#test/support/cluster.ts';
import { image, piece, pushBlob, pushContent, seededBlob } from '#test/support/content.ts';
import { nginx, startNginx, type Nginx } from '#test/support/nginx.ts';
import { send, type Answer } from '#test/support/registry-client.ts';

const REPOSITORY = 'team/large';
const BLOB = piece(seededBlob('nginx', 3_000_000), 'application/octet-stream');
const PATH = `/v2/${REPOSITORY}/blobs/${BLOB.digest}`;
const ENTITY_TAG = `"${BLOB.digest}"`;
const OTHER_TAG = `"sha256:${'0'.repeat(64)}"`;

describe.skipIf(!nginx.usable)(`nginx before a front end${nginx.leftOut}`, () => {
  let cluster: TestCluster;
  let scratch: string;
  /** One that sees the storage's volume, and one that does not. */
  let seeing: Nginx;
  let blind: Nginx;
  beforeAll(async () => {
    scratch = await mkdtemp(join(tmpdir(), 'meridian-nginx-'));
    cluster = await startCluster({ env: { MERIDIAN_ACCEL_LOCATION: '/meridian-blobs/' } });
    const storageDir = join(cluster.dataDir, 'us', 'storage');
    const before = { frontend: cluster.registry('us'), storageDir };
    seeing = await startNginx({ ...before, seenDir: storageDir, scratch: join(scratch, 'seeing') });
    blind = await startNginx({ ...before, seenDir: scratch, scratch: join(scratch, 'blind') });
    expect((await pushBlob(seeing.registry, REPOSITORY, BLOB)).status).toBe(201);
  });
  afterAll(async () => {
    await seeing.stop();
    await blind.stop();
    await cluster.dispose();
    await rm(scratch, { recursive: true, force: true });
  });

  const get = (headers: Record<string, string> = {}, through = seeing): Promise<Answer> =>
    send(through.registry, 'GET', PATH, { headers });
  /** What the front end itself has sent of the blob so far. */
  const sentByFrontend = async (): Promise<number> => {
    const requests = await loggedRequests(cluster.dataDir, 'us', REPOSITORY);
    return requests.filter(({ path }) => path === PATH).reduce((sum, { bytesOut }) => sum + bytesOut, 0);
  };

  it('sends a blob from its file, with all that the front end says of it', async () => {
    const before = await sentByFrontend();
    const answer = await get();
    const direct = await send(cluster.registry('us'), 'HEAD', PATH);
    expect(answer.status).toBe(200);
    expect(answer.body.equals(BLOB.bytes)).toBe(true);
    const changing = ['date', 'connection', 'keep-alive', 'meridian-staleness'];
    const told = Object.entries(direct.headers).filter(([name]) => !changing.includes(name));
    expect(answer.headers).toMatchObject(Object.fromEntries(told));
    expect(answer.headers).toHaveProperty('meridian-staleness');
    expect(answer.headers).not.toHaveProperty('x-accel-redirect');
    await expect
      .poll(async () => (await loggedRequests(cluster.dataDir, 'us', REPOSITORY)).at(-1)?.path)
      .toBe(PATH);
    expect(await sentByFrontend()).toBe(before);
  });

  it.each([
    ['a range', { range: 'bytes=10-19' }, 10, 20],
    ['a range without an end', { range: 'bytes=2999990-' }, 2_999_990, 3_000_000],
    ['the last bytes', { range: 'bytes=-5' }, 2_999_995, 3_000_000],
    ['a range beyond the end', { range: 'bytes=5-99999999' }, 5, 3_000_000],
    ['the rest of what it has a part of', { range: 'bytes=5-9', 'if-range': ENTITY_TAG }, 5, 10],
  ])('sends %s', async (_what, headers, start, end) => {
    const answer = await get(headers);
    expect(answer.status).toBe(206);
    expect(answer.headers['content-range']).toBe(`bytes ${start}-${end - 1}/${BLOB.bytes.length}`);
    expect(answer.headers['docker-content-digest']).toBe(BLOB.digest);
    expect(answer.body.equals(BLOB.bytes.subarray(start, end))).toBe(true);
  });

  it.each([
    ['several ranges', { range: 'bytes=0-1,5-6' }, 200],
    ['a malformed range', { range: 'bytes=five' }, 200],
    ['a range with a huge end', { range: `bytes=0-${'9'.repeat(30)}` }, 206],
    ['a range of something else', { range: 'bytes=0-1', 'if-range': OTHER_TAG }, 200],
    ['what must not be another', { 'if-match': ENTITY_TAG }, 200],
    ['what must have changed, and has', { 'if-none-match': OTHER_TAG }, 200],
  ])('sends the whole for %s', async (_what, headers, status) => {
    const answer = await get(headers);
    expect(answer.status).toBe(status);
    expect(answer.body.equals(BLOB.bytes)).toBe(true);
  });

  it.each([
    ['a range behind the end', { range: 'bytes=3000000-' }, 416],
    ['what must not be another, and is', { 'if-match': OTHER_TAG }, 412],
    ['what must have changed, and has not', { 'if-none-match': ENTITY_TAG }, 304],
  ])('answers for %s as the front end does', async (_what, headers, status) => {
    expect((await get(headers)).status).toBe(status);
  });

  it('sends what it can’t open through the front end', async () => {
    const before = await sentByFrontend();
    expect((await get({}, blind)).body.equals(BLOB.bytes)).toBe(true);
    expect((await get({ range: 'bytes=10-19' }, blind)).body.equals(BLOB.bytes.subarray(10, 20))).toBe(true);
    await expect.poll(sentByFrontend).toBe(before + BLOB.bytes.length + 10);
  });

  it('gives nobody what is not theirs', async () => {
    const file = `/meridian-blobs${cluster.dataDir}/us/storage/blobs/sha256/${BLOB.digest.slice(7, 9)}/${BLOB.digest.slice(7)}`;
    const answers = [
      await send(seeing.registry, 'GET', `/v2/another/repository/blobs/${BLOB.digest}`),
      await send(seeing.registry, 'GET', file),
      await send(seeing.registry, 'GET', PATH, { headers: { 'meridian-accel': 'off' } }),
    ];
    expect(answers.map(({ status }) => status)).toEqual([404, 404, 200]);
    expect(answers[2]?.body).toHaveLength(BLOB.bytes.length);
  });

  it('asked without nginx, the front end sends the blob itself', async () => {
    expect((await send(cluster.registry('us'), 'GET', PATH)).body.equals(BLOB.bytes)).toBe(true);
  });

  it('passes pushes and pulls of images on', async () => {
    const content = image('through nginx');
    await pushContent(seeing.registry, 'team/image', content, '1');
    const answer = await send(seeing.registry, 'GET', '/v2/team/image/manifests/1');
    expect(answer.status).toBe(200);
    expect(answer.headers.etag).toBe(`"${String(answer.headers['docker-content-digest'])}"`);
  });
});
