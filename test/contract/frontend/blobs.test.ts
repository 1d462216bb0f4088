import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { errorCode, pushBlob, sha256, someBytes, startTestFrontend, type TestFrontend } from './harness.ts';
import { stores, type OpenRegions } from './stores.ts';

/** One that is served from memory and one that is streamed. */
const sizes = [1000, 700_000];

describe.each(stores)('blobs with bytes %s', (_kind, open) => {
  let regions: OpenRegions;
  let us: TestFrontend;
  const blobs = new Map<number, { bytes: Buffer; digest: string; path: string }>();
  const blob = (size: number): { bytes: Buffer; digest: string; path: string } => {
    const found = blobs.get(size);
    if (found === undefined) throw new Error(`no blob of ${size}`);
    return found;
  };
  beforeAll(async () => {
    regions = await open();
    us = await startTestFrontend(regions.us);
    for (const size of sizes) {
      const bytes = someBytes(size);
      const digest = await pushBlob(us, 'team/app', bytes);
      blobs.set(size, { bytes, digest, path: `/v2/team/app/blobs/${digest}` });
    }
  });
  afterAll(async () => {
    await us.stop();
    await regions.close();
    expect(us.faults).toEqual([]);
  });

  it.each(sizes)('serves %d bytes, and HEAD tells all that GET does', async (size) => {
    const { bytes, digest, path } = blob(size);
    const got = await us.send('GET', path);
    expect(got.status).toBe(200);
    expect(got.body.equals(bytes)).toBe(true);
    expect(got.headers).toMatchObject({
      'content-length': String(size),
      'content-type': 'application/octet-stream',
      'docker-content-digest': digest,
      etag: `"${digest}"`,
      'accept-ranges': 'bytes',
      'cache-control': 'max-age=31536000, immutable',
    });
    expect(got.headers['meridian-revision']).toMatch(/^memory:\d+$/);
    const head = await us.send('HEAD', path);
    expect(head.status).toBe(200);
    expect(head.body.length).toBe(0);
    const { date: _1, 'meridian-staleness': _2, ...told } = got.headers;
    const { date: _3, 'meridian-staleness': _4, ...ofHead } = head.headers;
    expect(ofHead).toEqual(told);
  });

  it.each(sizes)('serves ranges of %d bytes: single, suffix, open-ended, all', async (size) => {
    const { bytes, path } = blob(size);
    const last = size - 1;
    const cases: [range: string, first: number, end: number][] = [
      ['bytes=0-0', 0, 0],
      ['bytes=10-99', 10, 99],
      ['bytes=-100', size - 100, last],
      [`bytes=${size - 10}-`, size - 10, last],
      ['bytes=0-', 0, last],
      [`bytes=500-${size * 2}`, 500, last],
      [`bytes=-${size * 2}`, 0, last],
    ];
    for (const [range, first, end] of cases) {
      const answer = await us.send('GET', path, { headers: { range } });
      expect(answer.status, range).toBe(206);
      expect(answer.headers['content-range']).toBe(`bytes ${first}-${end}/${size}`);
      expect(answer.headers['content-length']).toBe(String(end - first + 1));
      expect(answer.body.equals(bytes.subarray(first, end + 1)), range).toBe(true);
    }
  });

  it.each(sizes)('refuses ranges beyond %d bytes with 416 and the size', async (size) => {
    const { path } = blob(size);
    for (const range of [`bytes=${size}-`, 'bytes=20-10', 'bytes=-0']) {
      const answer = await us.send('GET', path, { headers: { range } });
      expect(answer.status, range).toBe(416);
      expect(errorCode(answer)).toBe('RANGE_INVALID');
      expect(answer.headers['content-range']).toBe(`bytes */${size}`);
    }
  });

  it('ignores ranges it has no use for, and those of something else', async () => {
    const { bytes, path, digest } = blob(1000);
    for (const headers of [
      { range: 'bytes=0-1,5-6' },
      { range: 'lines=1-2' },
      { range: 'bytes=0-9', 'if-range': '"sha256:other"' },
    ]) {
      const answer = await us.send('GET', path, { headers });
      expect(answer.status).toBe(200);
      expect(answer.body.equals(bytes)).toBe(true);
    }
    const same = await us.send('GET', path, { headers: { range: 'bytes=0-9', 'if-range': `"${digest}"` } });
    expect(same.status).toBe(206);
  });

  it('answers 304 to whoever has it already', async () => {
    const { digest, path } = blob(700_000);
    for (const tag of [`"${digest}"`, `W/"${digest}"`, `"other", "${digest}"`, '*']) {
      for (const method of ['GET', 'HEAD']) {
        const answer = await us.send(method, path, { headers: { 'if-none-match': tag } });
        expect(answer.status).toBe(304);
        expect(answer.body.length).toBe(0);
        expect(answer.headers.etag).toBe(`"${digest}"`);
      }
    }
    expect((await us.send('GET', path, { headers: { 'if-none-match': '"sha256:other"' } })).status).toBe(200);
  });

  it('is not compressed for those who would take it so', async () => {
    const { bytes, path } = blob(700_000);
    const answer = await us.send('GET', path, { headers: { 'accept-encoding': 'zstd,gzip' } });
    expect(answer.headers['content-encoding']).toBeUndefined();
    expect(answer.body.equals(bytes)).toBe(true);
  });

  it('looks from another repository as if it did not exist', async () => {
    const { digest } = blob(1000);
    const never = sha256(Buffer.from('never uploaded'));
    const [there, nowhere] = await Promise.all(
      [digest, never].map((asked) => us.send('GET', `/v2/team/other/blobs/${asked}`)),
    );
    expect(there?.status).toBe(404);
    expect(nowhere?.status).toBe(404);
    const text = (answer: typeof there, asked: string): string | undefined =>
      answer?.body.toString().replaceAll(asked, 'D');
    expect(text(there, digest)).toBe(text(nowhere, never));
    expect((await us.send('HEAD', `/v2/team/other/blobs/${digest}`)).body.length).toBe(0);
  });

  it('can be asked for with its colon escaped', async () => {
    const { bytes, digest } = blob(1000);
    const answer = await us.send('GET', `/v2/team%2Fapp/blobs/${encodeURIComponent(digest)}`);
    expect(answer.body.equals(bytes)).toBe(true);
  });

  it('is served to many at a time', async () => {
    const { bytes, path } = blob(700_000);
    const answers = await Promise.all(Array.from({ length: 40 }, () => us.send('GET', path)));
    expect(answers.every(({ body }) => body.equals(bytes))).toBe(true);
  });
});
