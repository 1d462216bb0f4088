import { once } from 'node:events';
import { request, type IncomingMessage } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { errorCode, sha256, someBytes, startTestFrontend, type TestFrontend } from './harness.ts';
import { uploadClient, type UploadClient } from './upload-client.ts';
import { stores, type OpenRegions } from './stores.ts';

interface Outcome {
  /** The client was told to send its body. */
  readonly invited: boolean;
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
}

describe.each(stores)('a client that sends its body only when told to, with bytes %s', (_kind, open) => {
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

  /** Sends the head with Expect: 100-continue, and the body only on 100. */
  async function ask(
    method: string,
    path: string,
    body: Buffer,
    headers: Record<string, string> = {},
  ): Promise<Outcome> {
    const outgoing = request(`http://${us.address}${path}`, {
      method,
      headers: { ...headers, expect: '100-continue', 'content-length': body.length },
    });
    let invited = false;
    outgoing.once('continue', () => {
      invited = true;
      outgoing.end(body);
    });
    outgoing.flushHeaders();
    const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
    const chunks: Buffer[] = [];
    for await (const chunk of response as AsyncIterable<Buffer>) chunks.push(chunk);
    outgoing.destroy();
    return {
      invited,
      status: response.statusCode ?? 0,
      headers: response.headers,
      body: Buffer.concat(chunks),
    };
  }

  it('is told to where its bytes are welcome', async () => {
    const bytes = someBytes(100_000);
    const location = await client.start();
    const chunk = await ask('PATCH', location, bytes.subarray(0, 60_000), { 'content-range': '0-59999' });
    expect(chunk).toMatchObject({ invited: true, status: 202 });
    expect(chunk.headers.range).toBe('0-59999');
    const last = await ask('PUT', `${location}?digest=${sha256(bytes)}`, bytes.subarray(60_000));
    expect(last).toMatchObject({ invited: true, status: 201 });
    const other = someBytes(1000);
    const whole = await ask('POST', `/v2/team/app/blobs/uploads/?digest=${sha256(other)}`, other);
    expect(whole).toMatchObject({ invited: true, status: 201 });
  });

  it('is refused before it has sent any, on a connection that is closed then', async () => {
    const location = await client.start();
    const gone = location.replace(/.$/, (last) => (last === 'A' ? 'B' : 'A'));
    await client.patch(location, someBytes(10));
    const refusals = [
      ['PATCH', gone, {}, 404, 'BLOB_UPLOAD_UNKNOWN'],
      ['PUT', `${gone}?digest=${sha256(Buffer.from('x'))}`, {}, 404, 'BLOB_UPLOAD_UNKNOWN'],
      ['PATCH', location, { 'content-range': '0-99' }, 416, 'RANGE_INVALID'],
      ['PATCH', location, { 'content-range': 'all' }, 416, 'RANGE_INVALID'],
      ['PATCH', location, { 'content-range': '10-11' }, 400, 'SIZE_INVALID'],
      ['PUT', location, {}, 400, 'DIGEST_INVALID'],
      ['POST', '/v2/team/app/blobs/uploads/?digest=md5:x', {}, 400, 'DIGEST_INVALID'],
      ['POST', '/v2/Team/blobs/uploads/', {}, 400, 'NAME_INVALID'],
    ] as const;
    for (const [method, path, headers, status, code] of refusals) {
      const outcome = await ask(method, path, someBytes(100), headers);
      expect(outcome, `${method} ${path}`).toMatchObject({ invited: false, status });
      expect(errorCode(outcome)).toBe(code);
      expect(outcome.headers.connection).toBe('close');
    }
    expect((await us.send('GET', location)).headers.range).toBe('0-9');
  });

  it('is not asked for a manifest that is too large', async () => {
    const outcome = await ask('PUT', '/v2/team/app/manifests/1.0', Buffer.alloc(4 * 1024 * 1024 + 1));
    expect(outcome).toMatchObject({ invited: false, status: 413 });
  });
});
