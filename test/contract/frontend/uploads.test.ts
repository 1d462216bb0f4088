import { createHash } from 'node:crypto';
import { request } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { errorCode, eventually, sha256, someBytes, startTestFrontend, type TestFrontend } from './harness.ts';
import { uploadClient, type UploadClient } from './upload-client.ts';
import { stores, type OpenRegions } from './stores.ts';

describe.each(stores)('uploads with bytes %s', (_kind, open) => {
  let regions: OpenRegions;
  let us: TestFrontend;
  let client: UploadClient;
  let eu: TestFrontend;
  beforeAll(async () => {
    regions = await open();
    us = await startTestFrontend(regions.us);
    client = uploadClient(us, 'team/app');
    eu = await startTestFrontend(regions.eu);
  });
  afterAll(async () => {
    await Promise.all([us.stop(), eu.stop()]);
    await regions.close();
    expect([...us.faults, ...eu.faults]).toEqual([]);
  });

  const expectBlob = async (bytes: Buffer): Promise<void> => {
    const answer = await us.send('GET', `/v2/team/app/blobs/${sha256(bytes)}`);
    expect(answer.status).toBe(200);
    expect(answer.body.equals(bytes)).toBe(true);
  };

  it('takes a blob by POST alone', async () => {
    const bytes = someBytes(200_000);
    const digest = sha256(bytes);
    const answer = await us.send('POST', `/v2/team/app/blobs/uploads/?digest=${digest}`, { body: bytes });
    expect(answer.status).toBe(201);
    expect(answer.headers.location).toBe(`/v2/team/app/blobs/${digest}`);
    expect(answer.headers['docker-content-digest']).toBe(digest);
    await expectBlob(bytes);
  });

  it('takes a blob by POST and PUT', async () => {
    const bytes = someBytes(100_000);
    const answer = await client.finish(await client.start(), bytes, { body: bytes });
    expect(answer.status).toBe(201);
    expect(answer.headers.location).toBe(`/v2/team/app/blobs/${sha256(bytes)}`);
    await expectBlob(bytes);
  });

  it('takes chunks with Content-Range, told in either notation, and the last one with PUT', async () => {
    const bytes = someBytes(3000);
    const location = await client.start();
    const first = await client.patch(location, bytes.subarray(0, 1000), { 'content-range': '0-999' });
    expect(first.status).toBe(202);
    expect(first.headers.range).toBe('0-999');
    expect(first.headers.location).toBe(location);
    const second = await client.patch(location, bytes.subarray(1000, 2000), {
      'content-range': 'bytes 1000-1999/*',
    });
    expect(second.headers.range).toBe('0-1999');
    const last = await client.finish(location, bytes, {
      body: bytes.subarray(2000),
      headers: { 'content-range': '2000-2999' },
    });
    expect(last.status).toBe(201);
    await expectBlob(bytes);
  });

  it('takes chunks without Content-Range', async () => {
    const bytes = someBytes(3000);
    const location = await client.start();
    await client.patch(location, bytes.subarray(0, 1500));
    const second = await client.patch(location, bytes.subarray(1500));
    expect(second.headers.range).toBe('0-2999');
    expect((await client.finish(location, bytes)).status).toBe(201);
    await expectBlob(bytes);
  });

  it('takes sha512 digests, announced with digest-algorithm or not', async () => {
    for (const query of ['?digest-algorithm=sha512', '']) {
      const bytes = someBytes(5000);
      const digest = `sha512:${createHash('sha512').update(bytes).digest('hex')}`;
      const location = await client.start(query);
      await client.patch(location, bytes);
      expect((await us.send('PUT', `${location}?digest=${digest}`)).status).toBe(201);
      const answer = await us.send('GET', `/v2/team/app/blobs/${digest}`);
      expect(answer.headers['docker-content-digest']).toBe(digest);
      expect(answer.body.equals(bytes)).toBe(true);
    }
    const unknown = await us.send('POST', '/v2/team/app/blobs/uploads/?digest-algorithm=md5');
    expect(unknown.status).toBe(400);
  });

  it('takes an empty blob', async () => {
    const empty = Buffer.alloc(0);
    expect((await client.finish(await client.start(), empty)).status).toBe(201);
    const answer = await us.send('GET', `/v2/team/app/blobs/${sha256(empty)}`);
    expect(answer.status).toBe(200);
    expect(answer.headers['content-length']).toBe('0');
  });

  it('cancels an upload', async () => {
    const location = await client.start();
    expect((await us.send('DELETE', location)).status).toBe(204);
    for (const method of ['GET', 'DELETE', 'PATCH']) {
      const answer = await us.send(method, location, method === 'PATCH' ? { body: 'x' } : {});
      expect(answer.status).toBe(404);
      expect(errorCode(answer)).toBe('BLOB_UPLOAD_UNKNOWN');
    }
  });

  it('continues an upload that was begun in another region, and finishes it there', async () => {
    const bytes = someBytes(300_000);
    const location = await client.start();
    await client.patch(location, bytes.subarray(0, 100_000));
    const status = await eu.send('GET', location);
    expect(status.headers.range).toBe('0-99999');
    const second = await eu.send('PATCH', location, {
      body: bytes.subarray(100_000),
      headers: { 'content-range': '100000-299999' },
    });
    expect(second.status).toBe(202);
    const finished = await eu.send('PUT', `${location}?digest=${sha256(bytes)}`);
    expect(finished.status).toBe(201);
    await expectBlob(bytes);
  });

  it('keeps what arrived when the client goes away midway, and lets it resume', async () => {
    const bytes = someBytes(1_000_000);
    const location = await client.start();
    const half = request(`http://${us.address}${location}`, {
      method: 'PATCH',
      headers: { 'content-length': bytes.length },
    });
    half.on('error', () => undefined);
    half.write(bytes.subarray(0, 500_000));
    // Once the front end has read it all, what is under way to storage arrives there.
    await eventually(() => half.socket?.bytesWritten !== undefined && half.writableLength === 0);
    half.destroy();
    await eventually(() => us.requests.some(({ method, aborted }) => method === 'PATCH' && aborted));

    let offset = -1;
    for (const deadline = performance.now() + 5000; performance.now() < deadline;) {
      const status = await us.send('GET', location);
      const seen = Number(status.headers.range?.split('-')[1]) + 1;
      if (seen === offset && seen > 1) break;
      offset = seen;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    expect(offset).toBeLessThanOrEqual(500_000);
    const rest = await client.patch(location, bytes.subarray(offset), {
      'content-range': `${offset}-${bytes.length - 1}`,
    });
    expect(rest.status).toBe(202);
    expect((await client.finish(location, bytes)).status).toBe(201);
    await expectBlob(bytes);
  });

  it('tells the other regions of a new blob, naming where it lies', async () => {
    const bytes = someBytes(10);
    const location = await client.start();
    await eu.send('PUT', `${location}?digest=${sha256(bytes)}`, { body: bytes });
    const { announced } = regions.eu.transfer;
    await eventually(() => announced.some(({ digest }) => digest === sha256(bytes)));
    expect(announced.at(-1)).toEqual({
      region: 'us',
      repository: 'team/app',
      digest: sha256(bytes),
      size: bytes.length,
      isNew: true,
    });
  });
});
