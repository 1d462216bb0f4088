import { once } from 'node:events';
import { connect } from 'node:net';
import { describe, expect, it } from 'vitest';
import { memoryRegions } from '#test/support/memory/region.ts';
import { frontendsOfEachTest } from './harness.ts';

const start = frontendsOfEachTest();

const BODY = Buffer.alloc(2_000_000);

describe('a client that is answered before it has sent everything', () => {
  it.each([
    ['HTTP/1.0', '', 'closed'],
    ['HTTP/1.1', 'Connection: close\r\n', 'closed'],
    ['HTTP/1.1', '', 'kept'],
  ])('by %s with %j may send the rest, and the connection is %s then', async (version, header, fate) => {
    const { us } = memoryRegions('us');
    const { address } = await start(us);
    const [host = '', port = ''] = address.split(':');
    const socket = connect({ host, port: Number(port), allowHalfOpen: true });
    const failures: unknown[] = [];
    let received = '';
    socket
      .on('error', (error) => failures.push(error))
      .on('data', (bytes: Buffer) => (received += bytes.toString()));
    const answered = once(socket, 'data');
    const ended = once(socket, 'end');
    socket.write(
      `PUT /v2/a/nothing/of/the/kind ${version}\r\nHost: registry\r\n${header}Content-Length: ${BODY.length}\r\n\r\n`,
    );
    socket.write(BODY.subarray(0, 100_000));
    await answered;
    expect(received).toMatch(/^HTTP\/1\.1 404 /);
    for (let at = 100_000; at < BODY.length; at += 100_000) {
      const piece = BODY.subarray(at, at + 100_000);
      await new Promise<void>((resolve) => socket.write(piece, () => resolve()));
      await new Promise((resolve) => setImmediate(resolve));
    }
    if (fate === 'kept') socket.write('GET /v2/ HTTP/1.1\r\nHost: registry\r\nConnection: close\r\n\r\n');
    await ended;
    if (fate === 'kept') expect(received).toContain('HTTP/1.1 200 OK');
    socket.end();
    await once(socket, 'close');
    expect(failures).toEqual([]);
  });
});
