import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RegistryError } from '#libs/oci/errors.ts';
import { errorCode, sendRaw, sha256, someBytes, startTestFrontend, type TestFrontend } from './harness.ts';
import { uploadClient, type UploadClient } from './upload-client.ts';
import { stores, type OpenRegions } from './stores.ts';

const absent = sha256(Buffer.from('never uploaded'));

describe.each(stores)('refusing uploads with bytes %s', (_kind, open) => {
  let regions: OpenRegions;
  let us: TestFrontend;
  let client: UploadClient;
  beforeAll(async () => {
    regions = await open();
    us = await startTestFrontend(regions.us);
    client = uploadClient(us, 'team/app');
  });
  afterAll(async () => {
    await us.stop();
    await regions.close();
    expect(us.faults).toEqual([]);
  });

  it('refuses a chunk out of order with 416, for PATCH and PUT, and tells on GET how far it is', async () => {
    const bytes = someBytes(3000);
    const location = await client.start();
    await client.patch(location, bytes.subarray(0, 1000), { 'content-range': '0-999' });
    for (const range of ['0-999', '2000-2999']) {
      const answer = await client.patch(location, bytes.subarray(2000), { 'content-range': range });
      expect(answer.status).toBe(416);
      expect(errorCode(answer)).toBe('RANGE_INVALID');
    }
    const put = await client.finish(location, bytes, {
      body: bytes.subarray(2000),
      headers: { 'content-range': '2000-2999' },
    });
    expect(put.status).toBe(416);
    const status = await us.send('GET', location);
    expect(status.status).toBe(204);
    expect(status.headers.range).toBe('0-999');
    expect(status.headers.location).toBe(location);
    const rest = await client.patch(location, bytes.subarray(1000), { 'content-range': '1000-2999' });
    expect(rest.status).toBe(202);
    expect((await client.finish(location, bytes)).status).toBe(201);
  });

  it.each(['x-9', '9-0', '0', 'bytes=', '99999999999999999999-99999999999999999999'])(
    'refuses the Content-Range %s with 416',
    async (range) => {
      const answer = await client.patch(await client.start(), someBytes(10), { 'content-range': range });
      expect(answer.status).toBe(416);
      expect(errorCode(answer)).toBe('RANGE_INVALID');
    },
  );

  it('refuses a chunk that is shorter or longer than its Content-Range', async () => {
    const location = await client.start();
    for (const size of [5, 15]) {
      const answer = await client.patch(location, someBytes(size), { 'content-range': '0-9' });
      expect(answer.status).toBe(400);
      expect(errorCode(answer)).toBe('SIZE_INVALID');
    }
    for (const body of ['5\r\n12345\r\n0\r\n\r\n', 'f\r\n123456789012345\r\n0\r\n\r\n']) {
      const chunked = await sendRaw(
        us.address,
        `PATCH ${await client.start()} HTTP/1.1\r\nHost: x\r\nContent-Range: 0-9\r\nTransfer-Encoding: chunked\r\n\r\n${body}`,
      );
      expect(chunked.status).toBe(400);
      expect(errorCode(chunked)).toBe('SIZE_INVALID');
    }
  });

  it('refuses a wrong digest, publishes nothing, and keeps the upload for the right one', async () => {
    const bytes = someBytes(1000);
    const location = await client.start();
    await client.patch(location, bytes);
    const wrong = await us.send('PUT', `${location}?digest=${absent}`);
    expect(wrong.status).toBe(400);
    expect(errorCode(wrong)).toBe('DIGEST_INVALID');
    expect((await us.send('HEAD', `/v2/team/app/blobs/${absent}`)).status).toBe(404);
    expect((await client.finish(location, bytes)).status).toBe(201);
  });

  it('refuses a wrong digest on POST, also while the client is still sending', async () => {
    const answer = await us.send('POST', `/v2/team/app/blobs/uploads/?digest=${absent}`, {
      body: someBytes(2_000_000),
    });
    expect(answer.status).toBe(400);
    expect(errorCode(answer)).toBe('DIGEST_INVALID');
  });

  it.each(['', '?digest=', '?digest=sha256:short', '?digest=md5:d41d8cd98f00b204e9800998ecf8427e'])(
    'refuses to finish with the query %j',
    async (query) => {
      const answer = await us.send('PUT', `${await client.start()}${query}`);
      expect(answer.status).toBe(400);
      expect(errorCode(answer)).toBe('DIGEST_INVALID');
    },
  );

  it('knows an upload in its own repository only, and no made-up id', async () => {
    const location = await client.start();
    const id = location.split('/').at(-1) ?? '';
    const forged = `${id.slice(0, -1)}${id.endsWith('A') ? 'B' : 'A'}`;
    for (const path of ['team/other/blobs/uploads/' + id, `team/app/blobs/uploads/${forged}`]) {
      const answer = await us.send('GET', `/v2/${path}`);
      expect(answer.status).toBe(404);
      expect(errorCode(answer)).toBe('BLOB_UPLOAD_UNKNOWN');
    }
    for (const made of ['x', 'us.x', 'us..y', 'nowhere.a.b', '%00', 'us.%2F.b', '..']) {
      const answer = await us.send('PATCH', `/v2/team/app/blobs/uploads/${made}`, { body: 'x' });
      expect(answer.status, made).toBe(404);
    }
  });
});

describe('an upload that storage refuses', () => {
  it('is answered though the client is still sending, and its connection serves the next request', async () => {
    const { us: region } = (await stores[0]?.[1]()) ?? {};
    if (region === undefined) throw new Error('no store');
    const busy = new RegistryError('CONFLICT', 'Another request writes to this upload.');
    const us = await startTestFrontend(region, {
      collaborators: {
        uploads: {
          ...region.uploads,
          write: async (parts) => {
            await parts[Symbol.asyncIterator]().next();
            throw busy;
          },
        },
      },
    });
    const location = await uploadClient(us, 'a').start();
    const answer = await us.send('PATCH', location, { body: someBytes(8_000_000) });
    expect(answer.status).toBe(409);
    expect(errorCode(answer)).toBe('CONFLICT');
    expect((await us.send('GET', location)).status).toBe(204);
    await us.stop();
  });
});
