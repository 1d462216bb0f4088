import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Storage, Uploads } from '#libs/rpc/contracts.ts';
import { memoryRegions } from '#test/support/memory/region.ts';
import {
  errorCode,
  eventually,
  frontendsOfEachTest,
  imageManifest,
  pushBlob,
  pushImage,
  putManifest,
  someBytes,
  type TestFrontend,
} from './harness.ts';
import { stores, type OpenRegions } from './stores.ts';
import { uploadClient } from './upload-client.ts';

const start = frontendsOfEachTest();

/** Nobody who is waited for may be this slow; a test sees it within moments. */
const STRICT = { settings: { minimumRate: { bytesPerSecond: 1_000_000, windowMs: 200 } } };

/** More than the kernel takes on behalf of a client that doesn't read. */
const LARGE = 12_000_000;

describe.each(stores)('readers of blobs %s', (_kind, openStore) => {
  let regions: OpenRegions;
  beforeAll(async () => {
    regions = await openStore();
  });
  afterAll(() => regions.close());

  it('are ended when they stall, and nothing is read for them any more', async () => {
    const { storage, reading } = counted(regions.us.storage);
    const here = await start(regions.us, { ...STRICT, collaborators: { storage } });
    const digest = await pushBlob(await start(regions.us), 'a', someBytes(LARGE));
    const socket = await stalledReader(here, `/v2/a/blobs/${digest}`);
    const record = await requestOf(here, 'GET');
    expect(record).toMatchObject({ stalled: 'reader', aborted: true, status: 200 });
    expect(String(record.failure)).toMatch(/200000 bytes in 0\.2 seconds/);
    await eventually(() => reading() === 0);
    await closed(socket);
    expect(here.faults).toEqual([]);
  });
});

describe('a reader', () => {
  it('is not ended while the blob is what is waited for', async () => {
    const { us } = memoryRegions('us');
    const gate = Promise.withResolvers<undefined>();
    const digest = await pushBlob(await start(us), 'a', someBytes(1_000_000));
    const storage: Storage = {
      ...us.storage,
      async *read(request, context) {
        if (request.digest === digest && request.offset === 0) await gate.promise;
        yield* us.storage.read(request, context);
      },
    };
    const here = await start(us, { ...STRICT, collaborators: { storage } });
    const patient = here.send('GET', `/v2/a/blobs/${digest}`);
    // Who stalls meanwhile is ended: so more than a window has gone by.
    await stallAndBeEnded(here);
    gate.resolve(undefined);
    expect((await patient).body).toHaveLength(1_000_000);
  });

  it('of a manifest is ended as well when it stalls', async () => {
    const { us } = memoryRegions('us');
    const minimumRate = { bytesPerSecond: 20_000_000, windowMs: 200 };
    const here = await start(us, { settings: { minimumRate } });
    const annotations = Object.fromEntries(
      Array.from({ length: 40 }, (_, i) => [`k${i}`, 'x'.repeat(100_000)]),
    );
    const image = await pushImage(await start(us), 'a', '1', { extra: { annotations } });
    const sockets = await Promise.all(
      Array.from({ length: 3 }, () => stalledReader(here, '/v2/a/manifests/1', 3)),
    );
    expect(image.bytes.length).toBeGreaterThan(4_000_000);
    await eventually(() => here.requests.filter(({ stalled }) => stalled === 'reader').length === 3);
    await Promise.all(sockets.map(closed));
  });
});

describe('a writer that stalls', () => {
  it('of an upload gets 408 in a sentence, and goes on from where it stopped', async () => {
    const { us } = memoryRegions('us');
    const here = await start(us, STRICT);
    const client = uploadClient(here, 'a');
    const location = await client.start();
    const bytes = someBytes(100_000);
    const { head, body } = await stalledWriter(here, `PATCH ${location}`, bytes.subarray(0, 1000));
    expect(head).toMatch(/^HTTP\/1\.1 408 /);
    expect(head).toMatch(/\r\nconnection: close\r\n/i);
    expect(JSON.parse(body)).toMatchObject({ errors: [{ code: 'TIMEOUT' }] });
    const { stalled } = await requestOf(here, 'PATCH');
    expect(stalled).toBe('writer');
    // Nobody writes to it any more, and what came is there.
    const status = await here.send('GET', location);
    expect(status.headers.range).toBe('0-999');
    const headers = { 'content-range': `1000-${bytes.length - 1}` };
    expect((await client.patch(location, bytes.subarray(1000), headers)).status).toBe(202);
    expect((await client.finish(location, bytes)).status).toBe(201);
    expect(here.faults).toEqual([]);
  });

  it('of a manifest gets 408', async () => {
    const { us } = memoryRegions('us');
    const here = await start(us, STRICT);
    const { head, body } = await stalledWriter(here, 'PUT /v2/a/manifests/1', Buffer.from('{'));
    expect(head).toMatch(/^HTTP\/1\.1 408 /);
    expect(JSON.parse(body)).toMatchObject({ errors: [{ code: 'TIMEOUT' }] });
  });

  it('before its header is whole gets 408, too', async () => {
    const { us } = memoryRegions('us');
    const here = await start(us, { settings: { headersTimeoutMs: 200 } });
    const socket = connectTo(here);
    socket.write('GET /v2/ HTTP/1.1\r\nHost: registry\r\n');
    expect(await textOf(socket)).toMatch(/^HTTP\/1\.1 408 /);
  });
});

describe('a writer', () => {
  it.each(['write', 'finish'] as const)('is not ended while the disk has to %s', async (slow) => {
    const { us } = memoryRegions('us');
    const gate = Promise.withResolvers<undefined>();
    const slowly = async (): Promise<void> => {
      if (slow === 'finish') await gate.promise;
    };
    const uploads: Uploads = {
      ...us.uploads,
      write: (parts, context) =>
        us.uploads.write(slow === 'write' ? heldBack(parts, gate.promise) : parts, context),
      finish: async (request, context) => {
        await slowly();
        return us.uploads.finish(request, context);
      },
    };
    const here = await start(us, { ...STRICT, collaborators: { uploads } });
    const bytes = someBytes(3_000_000);
    const patient = uploadClient(here, 'a').finish(await uploadClient(here, 'a').start(), bytes, {
      body: bytes,
    });
    const location = await uploadClient(here, 'a').start();
    if (slow === 'finish') await stalledWriter(here, `PATCH ${location}`, bytes.subarray(0, 1000));
    else await stalledWriter(here, 'PUT /v2/a/manifests/1', Buffer.from('{'));
    gate.resolve(undefined);
    expect((await patient).status).toBe(201);
  });

  it('that is quick enough is not ended', async () => {
    const { us } = memoryRegions('us');
    const here = await start(us, STRICT);
    const digest = await pushBlob(here, 'a', someBytes(1_000_000));
    expect((await here.send('GET', `/v2/a/blobs/${digest}`)).body).toHaveLength(1_000_000);
    const answer = await putManifest(here, 'a', '1', imageManifest(someBytes(10)));
    expect(errorCode(answer)).toBe('MANIFEST_BLOB_UNKNOWN');
  });
});

/** The storage, and how many reads of it are under way. */
function counted(storage: Storage): { storage: Storage; reading: () => number } {
  let reading = 0;
  return {
    reading: () => reading,
    storage: {
      ...storage,
      async *read(request, context) {
        reading += 1;
        try {
          yield* storage.read(request, context);
        } finally {
          reading -= 1;
        }
      },
    },
  };
}

/** Gives the first message, and the others when the gate opens. */
async function* heldBack<T>(parts: AsyncIterable<T>, gate: Promise<unknown>): AsyncGenerator<T> {
  let count = 0;
  for await (const part of parts) {
    yield part;
    count += 1;
    if (count === 2) await gate;
  }
}

function connectTo({ address }: TestFrontend): Socket {
  const { hostname, port } = new URL(`http://${address}`);
  const socket = connect(Number(port), hostname);
  socket.on('error', () => undefined);
  return socket;
}

/** Takes the beginning of an answer and no more. */
async function stalledReader(to: TestFrontend, path: string, times = 1): Promise<Socket> {
  const socket = connectTo(to);
  socket.write(`GET ${path} HTTP/1.1\r\nHost: registry\r\n\r\n`.repeat(times));
  await once(socket, 'data');
  socket.pause();
  return socket;
}

async function stallAndBeEnded(to: TestFrontend): Promise<void> {
  const location = await uploadClient(to, 'a').start();
  await stalledWriter(to, `PATCH ${location}`, Buffer.from('x'));
}

/** Sends a request whose body never goes on; gives the answer when the connection has been closed. */
async function stalledWriter(
  to: TestFrontend,
  request: string,
  bytes: Buffer,
): Promise<{ head: string; body: string }> {
  const socket = connectTo(to);
  socket.write(`${request} HTTP/1.1\r\nHost: registry\r\nContent-Length: 900000\r\n\r\n`);
  socket.write(bytes);
  const [head = '', body = ''] = (await textOf(socket)).split('\r\n\r\n');
  return { head: `${head}\r\n`, body };
}

async function textOf(socket: Socket): Promise<string> {
  let text = '';
  for await (const chunk of socket as AsyncIterable<Buffer>) text += chunk.toString();
  return text;
}

/** Reads what is left; resolves when the server has ended the connection. */
async function closed(socket: Socket): Promise<void> {
  if (socket.destroyed) return;
  const close = once(socket, 'close');
  socket.resume();
  await close;
}

async function requestOf(frontend: TestFrontend, method: string): Promise<TestFrontend['requests'][number]> {
  const find = () => frontend.requests.find((record) => record.method === method);
  await eventually(() => find() !== undefined);
  const found = find();
  if (found === undefined) throw new Error(`no ${method} has ended`);
  return found;
}
