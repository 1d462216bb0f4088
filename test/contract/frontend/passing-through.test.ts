import { describe, expect, it } from 'vitest';
import { RegistryError } from '#libs/oci/errors.ts';
import type { Storage, Transfer } from '#libs/rpc/contracts.ts';
import { memoryRegions } from '#test/support/memory/region.ts';
import { open } from '#test/support/registry-client.ts';
import {
  errorCode,
  collect,
  eventually,
  frontendsOfEachTest,
  pushBlob,
  pushImage,
  someBytes,
} from './harness.ts';

const start = frontendsOfEachTest();

const SIZE = 2_000_000;

describe('a blob that is in another region', () => {
  it('comes while it is copied, its last bytes only when all are there', async () => {
    const { us, eu } = memoryRegions('us', 'eu');
    const bytes = someBytes(SIZE);
    const digest = await pushBlob(await start(us), 'a', bytes);
    const here = await start(eu);
    const half = Promise.withResolvers<undefined>();
    eu.transfer.beforeChunk = async (sent) => {
      if (sent >= SIZE / 2) await half.promise;
    };
    const answers = await Promise.all(
      [0, 1, 2].map(() => open(here.address, 'GET', `/v2/a/blobs/${digest}`)),
    );
    const readers = answers.map(collect);
    expect(answers.map(({ statusCode }) => statusCode)).toEqual([200, 200, 200]);
    await eventually(() => readers.every(({ size }) => size() >= SIZE / 2 - 100_000));
    expect(eu.store.has(digest)).toBe(false);
    half.resolve(undefined);
    for (const reader of readers) expect((await reader.whole).equals(bytes)).toBe(true);
    expect(eu.transfer.movedBytes()).toBe(SIZE);
    expect((await here.send('GET', `/v2/a/blobs/${digest}`)).body.equals(bytes)).toBe(true);
    expect(eu.transfer.movedBytes()).toBe(SIZE);
  });

  it('answers HEAD without moving it, and a range by moving no more than that', async () => {
    const { us, eu } = memoryRegions('us', 'eu');
    const bytes = someBytes(SIZE);
    const digest = await pushBlob(await start(us), 'a', bytes);
    const here = await start(eu);
    const path = `/v2/a/blobs/${digest}`;
    expect((await here.send('HEAD', path)).headers['content-length']).toBe(String(SIZE));
    expect(eu.transfer.movedBytes()).toBe(0);
    const part = await here.send('GET', path, { headers: { range: `bytes=${SIZE - 1000}-` } });
    expect(part.status).toBe(206);
    expect(part.body.equals(bytes.subarray(SIZE - 1000))).toBe(true);
    expect(eu.transfer.movedBytes()).toBe(1000);
    expect(eu.store.has(digest)).toBe(false);
  });

  it('is copied to its end though the client goes away', async () => {
    const { us, eu } = memoryRegions('us', 'eu');
    const digest = await pushBlob(await start(us), 'a', someBytes(SIZE));
    const here = await start(eu);
    const gone = Promise.withResolvers<undefined>();
    eu.transfer.beforeChunk = async (sent) => {
      if (sent > 0) await gone.promise;
    };
    const answer = await open(here.address, 'GET', `/v2/a/blobs/${digest}`);
    answer.on('error', () => undefined).destroy();
    await eventually(() => here.requests.some(({ aborted }) => aborted));
    gone.resolve(undefined);
    await eventually(() => eu.store.has(digest));
  });

  it('is relayed where no copy can be made', async () => {
    const { us, eu } = memoryRegions('us', 'eu');
    const bytes = someBytes(SIZE);
    const digest = await pushBlob(await start(us), 'a', bytes);
    const full: Transfer = {
      ...eu.transfer.transfer,
      fetch: async () => {
        throw new RegistryError('UNAVAILABLE', 'The disk is full.');
      },
    };
    const here = await start(eu, { collaborators: { transfer: full } });
    expect((await here.send('GET', `/v2/a/blobs/${digest}`)).body.equals(bytes)).toBe(true);
    expect(eu.store.has(digest)).toBe(false);
  });

  it('is 503 while no live region has it, and never 404', async () => {
    const { us, eu } = memoryRegions('us', 'eu');
    const there = await start(us);
    const image = await pushImage(there, 'a', 'x', { layer: someBytes(SIZE) });
    us.store.lose(image.layerDigest);
    us.store.lose(image.digest);
    const here = await start(eu);
    for (const path of [`blobs/${image.layerDigest}`, 'manifests/x']) {
      const answer = await here.send('GET', `/v2/a/${path}`);
      expect(answer.status, path).toBe(503);
      expect(errorCode(answer)).toBe('UNAVAILABLE');
      expect(answer.headers['retry-after']).toBe('5');
    }
  });

  it('brings manifests and small blobs along, verified', async () => {
    const { us, eu } = memoryRegions('us', 'eu');
    const image = await pushImage(await start(us), 'a', 'x');
    const here = await start(eu);
    expect((await here.send('GET', '/v2/a/manifests/x')).body.equals(image.bytes)).toBe(true);
    const small = await here.send('GET', `/v2/a/blobs/${image.layerDigest}`);
    expect(small.body.equals(image.layer)).toBe(true);
    expect(eu.store.has(image.digest)).toBe(true);
  });

  it('is refused where its bytes turn out to be others', async () => {
    const { us } = memoryRegions('us');
    const image = await pushImage(await start(us), 'a', 'x');
    const damaged: Storage = {
      ...us.storage,
      async *read({ digest }, context) {
        for await (const { data } of us.storage.read({ digest, offset: 0, length: 0 }, context)) {
          yield { data: Buffer.from(data.map((byte) => byte ^ 1)) };
        }
      },
    };
    const here = await start(us, { collaborators: { storage: damaged } });
    const answer = await here.send('GET', `/v2/a/blobs/${image.layerDigest}`);
    expect(answer.status).toBe(503);
  });
});
