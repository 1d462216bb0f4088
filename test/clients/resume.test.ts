import { createHash } from 'node:crypto';
import { buffer } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import { clientSuite, SOON } from '#test/support/client-suite.ts';
import { seededBytes } from '#test/support/oci-layout.ts';
import { open, pushBlob, send, type Answer } from '#test/support/registry-client.ts';
import { startTcpProxy } from '#test/support/tcp-proxy.ts';

const MEGABYTE = 1024 * 1024;
const SIZE = 12 * MEGABYTE;

/** What resuming clients do, whether or not one of them is installed. */
describe('a transfer that broke midway, across regions', () => {
  const { registry, port } = clientSuite('resume');
  const content = async (seed: string): Promise<{ bytes: Buffer; digest: string }> => {
    const bytes = await buffer(seededBytes(seed, SIZE));
    return { bytes, digest: `sha256:${createHash('sha256').update(bytes).digest('hex')}` };
  };
  const arrived = ({ headers }: Answer): number => Number(headers.range?.split('-')[1]) + 1;

  it.each(['us', 'eu'] as const)(
    'takes up the push of a layer at the byte that arrived: begun in us, finished through %s',
    async (region) => {
      const { bytes, digest } = await content(`pushed-${region}`);
      const opened = await send(registry('us'), 'POST', '/v2/resume/pushed/blobs/uploads/');
      const session = String(opened.headers.location);
      const proxy = await startTcpProxy(port('us'));
      proxy.cutRequestsAfter(() => 5 * MEGABYTE);
      const broken = send(`127.0.0.1:${proxy.port}`, 'PATCH', session, { body: bytes });
      await expect(broken).rejects.toThrow();
      await proxy.close();

      // Until the broken connection is noticed, the upload is the first writer's.
      const status = (): Promise<Answer> => send(registry(region), 'GET', session);
      await expect.poll(async () => arrived(await status()), SOON).toBeGreaterThan(MEGABYTE);
      const rest = async (): Promise<number> => {
        const told = await status();
        expect(told.status).toBe(204);
        const from = arrived(told);
        expect(from).toBeLessThan(SIZE);
        const headers = { 'content-range': `${from}-${SIZE - 1}` };
        return (await send(registry(region), 'PATCH', session, { headers, body: bytes.subarray(from) }))
          .status;
      };
      await expect.poll(rest, SOON).toBe(202);
      const finished = await send(registry(region), 'PUT', `${session}?digest=${digest}`);
      expect(finished.status).toBe(201);
      const read = await send(registry('ap'), 'GET', `/v2/resume/pushed/blobs/${digest}`);
      expect(read.body.equals(bytes)).toBe(true);
    },
  );

  it('takes up the pull of a layer with a Range, from another region than the one where it broke', async () => {
    const { bytes, digest } = await content('pulled');
    await pushBlob(registry('us'), 'resume/pulled', digest, bytes);
    const path = `/v2/resume/pulled/blobs/${digest}`;
    const proxy = await startTcpProxy(port('eu'));
    proxy.cutAfter(() => 5 * MEGABYTE);
    const chunks: Buffer[] = [];
    const reading = async (): Promise<void> => {
      const response = await open(`127.0.0.1:${proxy.port}`, 'GET', path);
      for await (const chunk of response as AsyncIterable<Buffer>) chunks.push(chunk);
    };
    await expect(reading()).rejects.toThrow();
    await proxy.close();
    const first = Buffer.concat(chunks);
    expect(first.length).toBeGreaterThan(MEGABYTE);
    const headers = { range: `bytes=${first.length}-`, 'if-range': `"${digest}"` };
    const rest = await send(registry('ap'), 'GET', path, { headers });
    expect(rest).toMatchObject({
      status: 206,
      headers: { 'content-range': `bytes ${first.length}-${SIZE - 1}/${SIZE}` },
    });
    expect(Buffer.concat([first, rest.body]).equals(bytes)).toBe(true);
  });
});
