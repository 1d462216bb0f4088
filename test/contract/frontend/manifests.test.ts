import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { OCI_MANIFEST } from '#libs/oci/mediatype.ts';
import { memoryRegions } from '#test/support/memory/region.ts';
import type { Answer } from '#test/support/registry-client.ts';
import {
  errorCode,
  pushImage,
  putManifest,
  sendRaw,
  sha256,
  startTestFrontend,
  type TestFrontend,
} from './harness.ts';

const { us: region } = memoryRegions('us');
let us: TestFrontend;
beforeAll(async () => {
  us = await startTestFrontend(region);
});
afterAll(async () => {
  await us.stop();
  expect(us.faults).toEqual([]);
});

const get = (repository: string, reference: string, headers: Record<string, string> = {}): Promise<Answer> =>
  us.send('GET', `/v2/${repository}/manifests/${reference}`, { headers });
const head = (repository: string, reference: string): Promise<Answer> =>
  us.send('HEAD', `/v2/${repository}/manifests/${reference}`);

describe('reading a manifest', () => {
  it('gives the bytes as they were pushed, and HEAD tells all that GET does', async () => {
    const { digest } = await pushImage(us, 'read/app', 'x');
    const compact = (await get('read/app', digest)).body.toString();
    const odd = Buffer.from(`\n ${compact.replaceAll(',', ' ,\t')}\n`);
    await putManifest(us, 'read/app', 'odd', odd);
    for (const reference of ['odd', sha256(odd)]) {
      const answer = await get('read/app', reference, { accept: '*/*', 'accept-encoding': 'gzip' });
      expect(answer.body.equals(odd)).toBe(true);
      expect(answer.headers).toMatchObject({
        'content-type': OCI_MANIFEST,
        'content-length': String(odd.length),
        'docker-content-digest': sha256(odd),
        etag: `"${sha256(odd)}"`,
        'cache-control': reference === 'odd' ? 'no-cache' : 'max-age=31536000, immutable',
      });
      const { date: _1, 'meridian-staleness': _2, ...told } = answer.headers;
      const { date: _3, 'meridian-staleness': _4, ...ofHead } = (await head('read/app', reference)).headers;
      expect(ofHead).toEqual(told);
    }
  });

  it('answers 304 to whoever has it already', async () => {
    const { digest } = await pushImage(us, 'read/cached', 'x');
    const answer = await get('read/cached', 'x', { 'if-none-match': `"${digest}"` });
    expect(answer.status).toBe(304);
    expect(answer.headers['docker-content-digest']).toBe(digest);
  });

  it.each([
    ['missing', 404, 'MANIFEST_UNKNOWN'],
    [sha256(Buffer.from('none')), 404, 'MANIFEST_UNKNOWN'],
    ['sha256:short', 400, 'DIGEST_INVALID'],
    [`sha256:${'A'.repeat(64)}`, 400, 'DIGEST_INVALID'],
    [`md5:${'a'.repeat(32)}`, 400, 'DIGEST_INVALID'],
    ['-dash', 400, 'TAG_INVALID'],
    ['x'.repeat(129), 400, 'TAG_INVALID'],
    ['a%2Fb', 400, 'TAG_INVALID'],
    ['a%00', 400, 'TAG_INVALID'],
    ['%', 400, 'TAG_INVALID'],
    ['..', 400, 'TAG_INVALID'],
  ])('answers %s with %d %s', async (reference, status, code) => {
    await pushImage(us, 'read/errors', 'x');
    const answer = await sendRaw(
      us.address,
      `GET /v2/read/errors/manifests/${reference} HTTP/1.1\r\nHost: x\r\n\r\n`,
    );
    expect([answer.status, errorCode(answer)]).toEqual([status, code]);
    const ofHead = await us.send('HEAD', `/v2/read/errors/manifests/${reference}`);
    expect(ofHead.body.length).toBe(0);
  });

  it('refuses names that the grammar does not allow, however they are escaped', async () => {
    for (const name of [
      'UPPER',
      'a%2F%2Fb',
      'a/../b',
      '%2e%2e',
      'a%00b',
      'a%2F',
      '-a',
      'a'.repeat(256),
      '%zz',
    ]) {
      const answer = await sendRaw(us.address, `GET /v2/${name}/manifests/x HTTP/1.1\r\nHost: x\r\n\r\n`);
      expect([answer.status, errorCode(answer)], name).toEqual([400, 'NAME_INVALID']);
    }
  });

  it("keeps repositories and tags apart whose names begin alike or hold the API's words", async () => {
    const names = ['a', 'a/b', 'ab', 'a/manifests', 'a/blobs/uploads', 'a/tags', 'manifests/tags/list'];
    const pushed = new Map<string, string>();
    for (const name of names) pushed.set(name, (await pushImage(us, name, 'latest')).digest);
    for (const [name, digest] of pushed) {
      expect((await head(name, 'latest')).headers['docker-content-digest'], name).toBe(digest);
    }
  });
});

describe('deleting', () => {
  it('a tag leaves the manifest, by digest takes manifest and tags', async () => {
    const { digest } = await pushImage(us, 'delete/app', 'one');
    await pushImage(us, 'delete/app', 'two');
    expect((await us.send('DELETE', '/v2/delete/app/manifests/one')).status).toBe(202);
    expect((await get('delete/app', 'one')).status).toBe(404);
    expect((await get('delete/app', digest)).status).toBe(200);
    expect((await us.send('DELETE', '/v2/delete/app/manifests/one')).status).toBe(404);

    const two = String((await head('delete/app', 'two')).headers['docker-content-digest']);
    expect((await us.send('DELETE', `/v2/delete/app/manifests/${two}`)).status).toBe(202);
    expect((await get('delete/app', 'two')).status).toBe(404);
    expect((await get('delete/app', two)).status).toBe(404);
    expect((await us.send('DELETE', `/v2/delete/app/manifests/${two}`)).status).toBe(404);
  });
});

describe('conditions make promotion safe', () => {
  it('moves a tag only if it still points where the caller believes', async () => {
    const first = await pushImage(us, 'if/app', 'stable');
    const second = await pushImage(us, 'if/app', 'next');
    const put = (headers: Record<string, string>): Promise<Answer> =>
      putManifest(us, 'if/app', 'stable', second.bytes, headers);
    expect((await put({ 'if-match': `"${second.digest}"` })).status).toBe(412);
    expect((await put({ 'if-none-match': '*' })).status).toBe(412);
    expect((await put({ 'if-match': 'x' })).status).toBe(400);
    expect((await head('if/app', 'stable')).headers['docker-content-digest']).toBe(first.digest);
    expect((await put({ 'if-match': `"${first.digest}"` })).status).toBe(201);
    expect((await head('if/app', 'stable')).headers['docker-content-digest']).toBe(second.digest);
    const remove = (digest: string): Promise<Answer> =>
      us.send('DELETE', '/v2/if/app/manifests/stable', { headers: { 'if-match': `"${digest}"` } });
    expect((await remove(first.digest)).status).toBe(412);
    expect((await remove(second.digest)).status).toBe(202);
  });
});
