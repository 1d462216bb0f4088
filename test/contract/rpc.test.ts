import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { RegistryError } from '#libs/oci/errors.ts';
import { openRpcChannel } from '#libs/rpc/client.ts';
import { storageContract, type Storage } from '#libs/rpc/contracts.ts';
import { localClient } from '#libs/rpc/local.ts';
import { createRpcServer } from '#libs/rpc/server.ts';

const neverAborts = new AbortController().signal;

interface Observed {
  chunksMade: number;
  readEnded: Promise<void>;
  putReceived: Deferred;
  putEnded: Deferred;
  beforePutAnswer: () => Promise<unknown>;
  putSignal: AbortSignal;
}

/** A storage that shows how calls behave: endless reads, puts that count, failures of both kinds. */
function observable(): { storage: Storage; observed: Observed } {
  const ended = deferred();
  const observed: Observed = {
    chunksMade: 0,
    readEnded: ended.promise,
    putReceived: deferred(),
    putEnded: deferred(),
    beforePutAnswer: () => Promise.resolve(),
    putSignal: neverAborts,
  };
  const unused = (): never => {
    throw new Error('not called in this test');
  };
  const storage: Storage = {
    async *read() {
      try {
        for (;;) {
          observed.chunksMade += 1;
          yield { data: Buffer.alloc(256 * 1024) };
        }
      } finally {
        ended.resolve();
      }
    },
    put: async (parts, { signal }) => {
      let size = 0;
      observed.putSignal = signal;
      for await (const { data } of parts) {
        size += data?.length ?? 0;
        observed.putReceived.resolve();
      }
      observed.putEnded.resolve();
      await observed.beforePutAnswer();
      return { digest: 'counted', size };
    },
    stat: async ({ digests }) => {
      if (digests[0] === 'fault') throw new Error('secret inside');
      throw new RegistryError('CONFLICT', 'Two writers.', { detail: { digests }, retryAfterSeconds: 7 });
    },
    ingest: unused,
    locate: unused,
    list: unused,
    summarize: unused,
    listUnder: unused,
    hold: unused,
    pins: unused,
    unpin: unused,
    pinOwners: unused,
    stats: unused,
  };
  return { storage, observed };
}

interface Deferred {
  promise: Promise<void>;
  resolve: () => void;
}

function deferred(): Deferred {
  let resolve = (): void => undefined;
  const promise = new Promise<void>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}

describe.each(['over gRPC', 'in process'])('a service called %s', (how) => {
  /** What only a wire can do to a call. */
  const itOverTheWire = (name: string, test: () => Promise<void>): void => {
    if (how === 'over gRPC') it(name, test);
  };
  const { storage, observed } = observable();
  const faults: unknown[] = [];
  const server = createRpcServer({ onFault: (error) => faults.push(error) });
  let client: Storage;
  let close = (): void => undefined;

  beforeAll(async () => {
    if (how === 'in process') {
      client = localClient(storageContract, storage);
      return;
    }
    server.add(storageContract, storage);
    const port = await server.listen('127.0.0.1:0');
    const channel = openRpcChannel({ address: `127.0.0.1:${port}` });
    client = channel.client(storageContract);
    close = () => channel.close();
  });
  afterAll(async () => {
    close();
    await server.close(1_000);
  });

  it('stops the producer when the reader leaves, and makes it wait for a slow reader', async () => {
    let read = 0;
    for await (const { data } of client.read({ digest: '', offset: 0, length: 0 }, { signal: neverAborts })) {
      read += data.length;
      if (read >= 1024 * 1024) break;
    }
    await observed.readEnded;
    // 1 MiB was taken; what was made beyond that fits in the flow-control windows and buffers.
    expect(observed.chunksMade).toBeLessThan(400);
  });

  afterEach(() => {
    observed.putEnded = deferred();
    observed.beforePutAnswer = () => Promise.resolve();
  });

  it('sends a stream of requests whole', async () => {
    const answer = await client.put(
      (async function* () {
        for (let i = 0; i < 64; i++) yield { data: Buffer.alloc(64 * 1024) };
      })(),
      { signal: neverAborts },
    );
    expect(answer).toEqual({ digest: 'counted', size: 64 * 64 * 1024 });
  });

  it('does not take the end of the requests for the end of the call', async () => {
    const answered = Promise.withResolvers<undefined>();
    observed.beforePutAnswer = () => answered.promise;
    const put = client.put(
      (async function* () {
        yield { data: Buffer.alloc(10) };
      })(),
      { signal: neverAborts },
    );
    await observed.putEnded.promise;
    // Node destroys streams some turns of the event loop after their end.
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
    expect(observed.putSignal.aborted).toBe(false);
    answered.resolve(undefined);
    await put;
  });

  it('ends the call when the requests fail, and gives their error to the caller', async () => {
    const put = client.put(
      (async function* () {
        yield { data: Buffer.alloc(10) };
        await Promise.resolve();
        throw new Error('the client hung up');
      })(),
      { signal: neverAborts },
    );
    await expect(put).rejects.toThrow('the client hung up');
  });

  it('carries a RegistryError with all it says', async () => {
    const stat = client.stat({ digests: ['a'] }, { signal: neverAborts });
    await expect(stat).rejects.toMatchObject({
      name: 'RegistryError',
      code: 'CONFLICT',
      message: 'Two writers.',
      detail: { digests: ['a'] },
      retryAfterSeconds: 7,
    });
  });

  itOverTheWire('tells nothing of the inside of a fault, and reports it where it happened', async () => {
    const stat = client.stat({ digests: ['fault'] }, { signal: neverAborts });
    await expect(stat).rejects.toMatchObject({ code: 'INTERNAL' });
    await expect(client.stat({ digests: ['fault'] }, { signal: neverAborts })).rejects.not.toThrow('secret');
    expect(faults).toHaveLength(2);
  });

  itOverTheWire('tells the handler when the caller gives up, even while its requests are stuck', async () => {
    const abort = new AbortController();
    observed.putReceived = deferred();
    const put = client.put(
      (async function* () {
        yield { data: Buffer.alloc(10) };
        await observed.putReceived.promise;
        abort.abort(new Error('given up'));
        await new Promise(() => undefined);
      })(),
      { signal: abort.signal },
    );
    await expect(put).rejects.toThrow('given up');
    await expect.poll(() => observed.putSignal.aborted).toBe(true);
  });

  itOverTheWire('says who did not answer', async () => {
    const nobody = openRpcChannel({ address: '127.0.0.1:1' }).client(storageContract);
    const stat = nobody.stat({ digests: [] }, { signal: neverAborts });
    await expect(stat).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await expect(nobody.stat({ digests: [] }, { signal: neverAborts })).rejects.toThrow('127.0.0.1:1');
  });
});
