import { describe, expect, it } from 'vitest';
import { RegistryError } from '#libs/oci/errors.ts';
import type { Storage, Transfer } from '#libs/rpc/contracts.ts';
import { memoryRegions } from '#test/support/memory/region.ts';
import { open } from '#test/support/registry-client.ts';
import {
  collect,
  eventually,
  frontendsOfEachTest,
  pushBlob,
  sha256,
  someBytes,
  type TestFrontend,
} from './harness.ts';

const start = frontendsOfEachTest();

const SIZE = 2_000_000;

describe('a client that goes away or stops reading', () => {
  /** A storage that reads one endless blob, and tells how it is used. */
  function endless(read: Storage): { storage: Storage; bytes: () => number; reading: () => number } {
    let bytes = 0;
    let reading = 0;
    return {
      bytes: () => bytes,
      reading: () => reading,
      storage: {
        ...read,
        async *read({ length }) {
          reading += 1;
          try {
            for (let left = length; left > 0;) {
              const data = Buffer.alloc(Math.min(left, 256 * 1024));
              bytes += data.length;
              left -= data.length;
              yield { data };
              await new Promise((resolve) => setImmediate(resolve));
            }
          } finally {
            reading -= 1;
          }
        },
      },
    };
  }
  const HUGE = 2 ** 40;

  async function huge(): Promise<{ here: TestFrontend; path: string; source: ReturnType<typeof endless> }> {
    const { us } = memoryRegions('us');
    const source = endless(us.storage);
    const digest = sha256(Buffer.from('huge'));
    const here = await start(us, {
      collaborators: {
        storage: source.storage,
        catalog: {
          ...us.catalog.catalog,
          findBlob: async () => ({ digest, size: HUGE, position: null, reuse: null }),
        },
      },
    });
    return { here, path: `/v2/a/blobs/${digest}`, source };
  }

  it('stops the reading upstream at once, as for parallel pulls that hang up on bytes=N-', async () => {
    const { here, path, source } = await huge();
    const answer = await open(here.address, 'GET', path);
    expect(answer.headers['content-length']).toBe(String(HUGE));
    await eventually(() => source.bytes() > 1_000_000 && answer.readableFlowing !== true);
    answer.on('error', () => undefined).destroy();
    await eventually(() => source.reading() === 0 && here.requests.length === 1);
    expect(here.requests[0]).toMatchObject({ aborted: true, status: 200 });
    expect(here.faults).toEqual([]);
  });

  it('holds the reading back', async () => {
    const { here, path, source } = await huge();
    const answer = await open(here.address, 'GET', path);
    let before = -1;
    await eventually(() => {
      const still = source.bytes() === before;
      before = source.bytes();
      return still;
    });
    expect(source.bytes()).toBeLessThan(50_000_000);
    answer.on('error', () => undefined).destroy();
    await eventually(() => source.reading() === 0);
  });

  it('stops what waits for another region, too', async () => {
    const { us, eu } = memoryRegions('us', 'eu');
    const digest = await pushBlob(await start(us), 'a', someBytes(SIZE));
    const aborted = Promise.withResolvers<undefined>();
    let asked = false;
    const stuck: Transfer = {
      ...eu.transfer.transfer,
      fetch: (_request, { signal }) =>
        new Promise((_resolve, reject) => {
          asked = true;
          signal.addEventListener('abort', () => {
            aborted.resolve(undefined);
            reject(signal.reason as Error);
          });
        }),
    };
    const here = await start(eu, { collaborators: { transfer: stuck } });
    const waiting = open(here.address, 'GET', `/v2/a/blobs/${digest}`, {
      headers: { connection: 'close' },
    });
    waiting.catch(() => undefined);
    await eventually(() => asked);
    await here.stop(50);
    await aborted.promise;
    await expect(waiting).rejects.toThrow();
  });
});

describe('an upstream that fails midway', () => {
  it.each([
    ['breaks', true],
    ['ends early', false],
  ])('cuts the connection when it %s: no short body looks whole', async (_how, breaks) => {
    const { us } = memoryRegions('us');
    const bytes = someBytes(SIZE);
    const digest = await pushBlob(await start(us), 'a', bytes);
    const failing: Storage = {
      ...us.storage,
      async *read() {
        yield { data: bytes.subarray(0, SIZE / 2) };
        if (breaks) throw new RegistryError('UNAVAILABLE', 'The source went away.');
      },
    };
    const here = await start(us, { collaborators: { storage: failing } });
    const answer = await open(here.address, 'GET', `/v2/a/blobs/${digest}`);
    expect(answer.statusCode).toBe(200);
    expect(answer.headers['content-length']).toBe(String(SIZE));
    await expect(collect(answer).whole).rejects.toThrow(/aborted/);
    await eventually(() => here.requests.length === 1);
    expect(here.requests[0]?.aborted).toBe(true);
  });
});
