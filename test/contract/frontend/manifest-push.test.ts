import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { OCI_INDEX, OCI_MANIFEST } from '#libs/oci/mediatype.ts';
import { memoryRegions } from '#test/support/memory/region.ts';
import type { Answer } from '#test/support/registry-client.ts';
import {
  errorCode,
  imageManifest,
  pushBlob,
  pushImage,
  putManifest,
  sendRaw,
  sha256,
  someBytes,
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

describe('pushing a manifest', () => {
  it('answers with where it is, its digest, its revision and where it is durable', async () => {
    await pushImage(us, 'push/tag', 'first');
    const layer = someBytes(10);
    await pushBlob(us, 'push/tag', layer);
    const bytes = imageManifest(layer);
    const answer = await putManifest(us, 'push/tag', '1.0', bytes);
    expect(answer.status).toBe(201);
    expect(answer.headers).toMatchObject({
      location: `/v2/push/tag/manifests/${sha256(bytes)}`,
      'docker-content-digest': sha256(bytes),
      'meridian-revision': 'memory:2',
      'meridian-durable-regions': 'us',
      'content-length': '0',
    });
    expect(answer.headers['oci-subject']).toBeUndefined();
    expect((await get('push/tag', sha256(bytes))).body.equals(bytes)).toBe(true);
  });

  it('by digest sets the tags that the query names and tells which', async () => {
    const { bytes, digest } = await pushImage(us, 'push/digest', 'x');
    const answer = await us.send('PUT', `/v2/push/digest/manifests/${digest}?tag=1.2.3&tag=1.2&tag=1.2`, {
      body: bytes,
      headers: { 'content-type': OCI_MANIFEST },
    });
    expect(answer.status).toBe(201);
    expect(answer.headers['oci-tag']).toBe('1.2.3, 1.2');
    for (const tag of ['1.2.3', '1.2']) {
      expect((await head('push/digest', tag)).headers['docker-content-digest']).toBe(digest);
    }
    const wrong = await us.send('PUT', `/v2/push/digest/manifests/${digest}?tag=ok&tag=no%20tag`, {
      body: bytes,
    });
    expect(errorCode(wrong)).toBe('TAG_INVALID');
    const many = Array.from({ length: 51 }, (_, i) => `tag=t${i}`).join('&');
    const tooMany = await us.send('PUT', `/v2/push/digest/manifests/${digest}?${many}`, { body: bytes });
    expect(tooMany.status).toBe(413);
  });

  it('takes sha512 digests', async () => {
    const { bytes } = await pushImage(us, 'push/sha512', 'x');
    const digest = `sha512:${createHash('sha512').update(bytes).digest('hex')}`;
    const answer = await putManifest(us, 'push/sha512', digest, bytes);
    expect(answer.status).toBe(201);
    expect(answer.headers['docker-content-digest']).toBe(digest);
    expect((await get('push/sha512', digest)).body.equals(bytes)).toBe(true);
  });

  it('refuses bytes that are not those of the digest', async () => {
    const { bytes } = await pushImage(us, 'push/mismatch', 'x');
    const answer = await putManifest(us, 'push/mismatch', sha256(Buffer.from('other')), bytes);
    expect(answer.status).toBe(400);
    expect(errorCode(answer)).toBe('DIGEST_INVALID');
  });

  it('refuses a manifest that names what the repository does not have', async () => {
    await pushImage(us, 'push/unknown', 'x');
    const answer = await putManifest(us, 'push/unknown', 'y', imageManifest(someBytes(5)));
    expect(answer.status).toBe(404);
    expect(errorCode(answer)).toBe('MANIFEST_BLOB_UNKNOWN');
    expect((await head('push/unknown', 'y')).status).toBe(404);
  });

  it('tells the subject, which need not exist', async () => {
    const subject = { mediaType: OCI_MANIFEST, digest: sha256(Buffer.from('none')), size: 4 };
    await pushImage(us, 'push/subject', 'x');
    const layer = someBytes(7);
    await pushBlob(us, 'push/subject', layer);
    const answer = await putManifest(us, 'push/subject', 'y', imageManifest(layer, { subject }));
    expect(answer.headers['oci-subject']).toBe(subject.digest);
  });

  it.each([
    ['no JSON', '{', OCI_MANIFEST],
    ['not UTF-8', Buffer.from([0x7b, 0xff, 0x7d]), OCI_MANIFEST],
    ['nothing', '', OCI_MANIFEST],
    ['an unknown type', '{"schemaVersion":2}', 'text/plain'],
    ['no type at all', '{"schemaVersion":2,"manifests":[]}', undefined],
    ['a type in the header other than in the body', imageManifest(Buffer.alloc(0)), OCI_INDEX],
    [
      'both layers and manifests',
      `{"schemaVersion":2,"mediaType":"${OCI_INDEX}","manifests":[],"layers":[]}`,
      OCI_INDEX,
    ],
    [
      'a key twice',
      `{"schemaVersion":2,"mediaType":"${OCI_INDEX}","manifests":[],"manifests":[]}`,
      OCI_INDEX,
    ],
  ])('refuses %s', async (_what, body, type) => {
    const headers = type === undefined ? {} : { 'content-type': type };
    const answer = await us.send('PUT', '/v2/push/invalid/manifests/x', { body, headers });
    expect(answer.status).toBe(400);
    expect(errorCode(answer)).toBe('MANIFEST_INVALID');
    expect((await get('push/invalid', 'x')).status).toBe(404);
  });

  it('takes the type from the body where the header tells none', async () => {
    const body = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: OCI_INDEX, manifests: [] }));
    const answer = await us.send('PUT', '/v2/push/untyped/manifests/x', { body });
    expect(answer.status).toBe(201);
    expect((await get('push/untyped', 'x')).headers['content-type']).toBe(OCI_INDEX);
  });

  it('takes manifests up to 4 MiB, and answers 413 beyond without reading it all', async () => {
    const pad = (size: number): Buffer => {
      const empty = JSON.stringify({
        schemaVersion: 2,
        mediaType: OCI_INDEX,
        manifests: [],
        annotations: { a: '' },
      });
      return Buffer.from(empty.replace('"a":""', `"a":"${'x'.repeat(size - empty.length)}"`));
    };
    const limit = 4 * 1024 * 1024;
    const largest = await putManifest(us, 'push/large', 'x', pad(limit), { 'content-type': OCI_INDEX });
    expect(largest.status).toBe(201);
    const tooLarge = await putManifest(us, 'push/large', 'y', pad(limit + 1), { 'content-type': OCI_INDEX });
    expect(tooLarge.status).toBe(413);
    expect(errorCode(tooLarge)).toBe('TOO_LARGE');
    const declared = await sendRaw(
      us.address,
      'PUT /v2/push/large/manifests/y HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n{',
    );
    expect(declared.status).toBe(413);
    const chunk = `100000\r\n${'x'.repeat(0x100000)}\r\n`;
    const endless = await sendRaw(
      us.address,
      `PUT /v2/push/large/manifests/y HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n${chunk.repeat(5)}`,
    );
    expect(endless.status).toBe(413);
  });
});
