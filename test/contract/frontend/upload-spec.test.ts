import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Answer } from '#test/support/registry-client.ts';
import { errorCode, sendRaw, sha256, someBytes, startTestFrontend, type TestFrontend } from './harness.ts';
import { uploadClient, type UploadClient } from './upload-client.ts';
import { stores, type OpenRegions } from './stores.ts';

const live = { signal: new AbortController().signal };
const absent = sha256(Buffer.from('never uploaded'));

describe.each(stores)('an upload with bytes %s', (_kind, open) => {
  let regions: OpenRegions;
  let us: TestFrontend;
  let eu: TestFrontend;
  let client: UploadClient;
  beforeAll(async () => {
    regions = await open();
    us = await startTestFrontend(regions.us);
    eu = await startTestFrontend(regions.eu);
    client = uploadClient(us, 'team/app');
  });
  afterAll(async () => {
    await Promise.all([us.stop(), eu.stop()]);
    await regions.close();
    expect([...us.faults, ...eu.faults]).toEqual([]);
  });

  const expectStanding = (answer: Answer, location: string, range: string): void => {
    expect(answer.headers.location).toBe(location);
    expect(answer.headers.range).toBe(range);
  };

  it('tells 0-0 while it is empty, also after a chunk without bytes', async () => {
    const location = await client.start();
    const status = await us.send('GET', location);
    expect(status.status).toBe(204);
    expectStanding(status, location, '0-0');
    const chunk = await client.patch(location, Buffer.alloc(0));
    expect(chunk.status).toBe(202);
    expectStanding(chunk, location, '0-0');
    const bytes = someBytes(10);
    expect((await client.patch(location, bytes, { 'content-range': '0-9' })).status).toBe(202);
    expect((await client.finish(location, bytes)).status).toBe(201);
  });

  it('takes its last chunk with PUT, with Content-Range and without', async () => {
    for (const headers of [{}, { 'content-range': '60-99' }]) {
      const bytes = someBytes(100);
      const location = await client.start();
      await client.patch(location, bytes.subarray(0, 60));
      const last = await client.finish(location, bytes, { body: bytes.subarray(60), headers });
      expect(last.status).toBe(201);
    }
  });

  it('takes a chunk of unknown length', async () => {
    const bytes = someBytes(70_000);
    const location = await client.start();
    const streamed = async function* (): AsyncGenerator<Buffer, void> {
      for (let at = 0; at < bytes.length; at += 10_000) yield bytes.subarray(at, at + 10_000);
    };
    expect((await us.send('PATCH', location, { bytes: streamed() })).headers.range).toBe('0-69999');
    expect((await client.finish(location, bytes)).status).toBe(201);
  });

  it('does not care for the content type of its chunks', async () => {
    const bytes = someBytes(30);
    const location = await client.start();
    for (const [at, type] of ['text/plain', 'application/json', 'nonsense'].entries()) {
      const chunk = bytes.subarray(at * 10, at * 10 + 10);
      expect((await client.patch(location, chunk, { 'content-type': type })).status).toBe(202);
    }
    expect((await client.finish(location, bytes)).status).toBe(201);
  });

  it('tells with 416 where it stands, in every region', async () => {
    const location = await client.start();
    await client.patch(location, someBytes(100));
    for (const frontend of [us, eu]) {
      for (const [method, path] of [
        ['PATCH', location],
        ['PUT', `${location}?digest=${absent}`],
      ] as const) {
        const headers = { 'content-range': '200-209' };
        const answer = await frontend.send(method, path, { body: someBytes(10), headers });
        expect(answer.status).toBe(416);
        expect(errorCode(answer)).toBe('RANGE_INVALID');
        expectStanding(answer, location, '0-99');
      }
    }
  });

  it('leaves nothing behind when all of it comes with POST and has another digest', async () => {
    const before = (await regions.us.storage.stats({}, live)).uploads;
    const path = `/v2/team/app/blobs/uploads/?digest=${absent}`;
    const answer = await us.send('POST', path, { body: someBytes(1000) });
    expect([answer.status, errorCode(answer)]).toEqual([400, 'DIGEST_INVALID']);
    expect((await regions.us.storage.stats({}, live)).uploads).toBe(before);
  });

  it('may come with POST alone under a sha512 digest, and without any bytes', async () => {
    for (const bytes of [someBytes(5000), Buffer.alloc(0)]) {
      const digest = `sha512:${createHash('sha512').update(bytes).digest('hex')}`;
      const answer = await us.send('POST', `/v2/team/app/blobs/uploads/?digest=${digest}`, { body: bytes });
      expect(answer.status).toBe(201);
      expect((await us.send('GET', `/v2/team/app/blobs/${digest}`)).body.equals(bytes)).toBe(true);
    }
  });

  it('may end by another algorithm than was announced', async () => {
    const bytes = someBytes(5000);
    const location = await client.start('?digest-algorithm=sha512');
    await client.patch(location, bytes);
    expect((await client.finish(location, bytes)).status).toBe(201);
  });

  it('is one of its own region only: elsewhere a forged id, or that of another repository, is unknown', async () => {
    const location = await client.start();
    const id = location.split('/').at(-1) ?? '';
    const [, random = '', mac = ''] = id.split('.');
    for (const path of [
      `/v2/team/other/blobs/uploads/${id}`,
      `/v2/team/app/blobs/uploads/eu.${random}.${mac}`,
      `/v2/team/app/blobs/uploads/us.${random}.${mac.replace(/.$/, (last) => (last === 'A' ? 'B' : 'A'))}`,
    ]) {
      for (const method of ['GET', 'PATCH', 'PUT', 'DELETE']) {
        const query = method === 'PUT' ? `?digest=${absent}` : '';
        const answer = await eu.send(method, path + query, method === 'PATCH' ? { body: 'x' } : {});
        expect([answer.status, errorCode(answer)], `${method} ${path}`).toEqual([404, 'BLOB_UPLOAD_UNKNOWN']);
      }
    }
    expect((await us.send('GET', location)).status).toBe(204);
  });

  it('goes to one of two writers, and the other is told so', async () => {
    const bytes = [someBytes(500_000), someBytes(500_000)];
    const location = await client.start();
    const headers = { 'content-range': '0-499999' };
    const answers = await Promise.all(
      bytes.map((body, index) => (index === 0 ? us : eu).send('PATCH', location, { body, headers })),
    );
    const statuses = answers.map(({ status }) => status);
    expect(statuses.filter((status) => status === 202)).toHaveLength(1);
    expect([409, 416]).toContain(statuses.find((status) => status !== 202));
    const winner = bytes[statuses.indexOf(202)] ?? Buffer.alloc(0);
    expect((await client.finish(location, winner)).status).toBe(201);
  });

  it('keeps what came of a chunk that ended early', async () => {
    const bytes = someBytes(100);
    const location = await client.start();
    const head = `PATCH ${location} HTTP/1.1\r\nHost: x\r\nContent-Range: 0-99\r\n`;
    const half = Buffer.concat([
      Buffer.from(`${head}Transfer-Encoding: chunked\r\n\r\n32\r\n`),
      bytes.subarray(0, 50),
      Buffer.from('\r\n0\r\n\r\n'),
    ]);
    const short = await sendRaw(us.address, half);
    expect([short.status, errorCode(short)]).toEqual([400, 'SIZE_INVALID']);
    const { offset } = await settled(location);
    expect(offset).toBeLessThanOrEqual(50);
    await client.patch(location, bytes.subarray(offset), { 'content-range': `${offset}-99` });
    expect((await client.finish(location, bytes)).status).toBe(201);
  });

  async function settled(location: string): Promise<{ offset: number }> {
    const range = (await us.send('GET', location)).headers.range ?? '';
    return { offset: range === '0-0' ? 0 : Number(range.split('-')[1]) + 1 };
  }

  it('finishes once more for a client that missed the answer', async () => {
    const bytes = someBytes(200_000);
    const location = await client.start();
    for (let time = 0; time < 3; time++) {
      const answer = await client.finish(location, bytes, { body: bytes });
      expect(answer.status).toBe(201);
      expect(answer.headers['docker-content-digest']).toBe(sha256(bytes));
    }
    const other = await us.send('PUT', `${location}?digest=${absent}`, { body: bytes });
    expect([other.status, errorCode(other)]).toEqual([404, 'BLOB_UPLOAD_UNKNOWN']);
  });
});
