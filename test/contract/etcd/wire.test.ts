import { afterAll, beforeAll, expect, it } from 'vitest';
import { openRpcChannel, type RpcChannel } from '#libs/rpc/client.ts';
import { watchContract, type WatchService } from '#services/coordinator/contract.ts';
import type { WatchRequest } from '#types/etcdserverpb/WatchRequest.ts';
import type { WatchResponse } from '#types/etcdserverpb/WatchResponse.ts';
import { describeStores, freshPrefix, put, testSignal } from './stores.ts';

const NO_WATCHER = -1;

// What libs/etcd does not use of a watch stream, but etcd's own tools do.
describeStores((subject) => {
  let channel: RpcChannel;
  let service: WatchService;
  beforeAll(() => {
    channel = openRpcChannel({ address: `127.0.0.1:${subject().server.port}` });
    service = channel.client(watchContract);
  });
  afterAll(() => channel.close());

  it('serves several watchers on one stream until each is cancelled', async () => {
    const { client } = subject();
    const prefix = freshPrefix();
    const { ask, next } = open(service);
    ask(create(`${prefix}a`, { watchId: 7 }));
    expect(await next()).toMatchObject({ watchId: 7, created: true, canceled: false });
    ask(create(`${prefix}b`, { watchId: 8 }));
    expect(await next()).toMatchObject({ watchId: 8, created: true });
    await put(client, `${prefix}b`, '1');
    expect(await next()).toMatchObject({ watchId: 8, events: [{ type: 'PUT', kv: { version: 1 } }] });
    await put(client, `${prefix}a`, '1');
    expect(await next()).toMatchObject({ watchId: 7, events: [{ type: 'PUT' }] });
    ask({ cancelRequest: { watchId: 7 } });
    expect(await next()).toMatchObject({ watchId: 7, canceled: true, compactRevision: 0 });
    await put(client, `${prefix}a`, '2');
    await put(client, `${prefix}b`, '2');
    expect(await next()).toMatchObject({ watchId: 8, events: [{ kv: { version: 2 } }] });
  });

  it('tells how far a stream has come when asked', async () => {
    const { client } = subject();
    const { ask, next } = open(service);
    ask(create(freshPrefix(), {}));
    await next();
    const { revision } = await put(client, 'elsewhere', '');
    ask({ progressRequest: {} });
    expect(await next()).toMatchObject({ watchId: NO_WATCHER, events: [], header: { revision } });
  });

  it('creates a watcher whose history is gone only to cancel it', async () => {
    const { client } = subject();
    const prefix = freshPrefix();
    const { revision } = await put(client, `${prefix}a`, '1');
    const { revision: compacted } = await put(client, `${prefix}a`, '2');
    await client.compact(compacted, testSignal());
    const { ask, next } = open(service);
    ask(create(`${prefix}a`, { startRevision: revision }));
    expect(await next()).toMatchObject({ created: true, canceled: false });
    expect(await next()).toMatchObject({ canceled: true, compactRevision: compacted });
  });
});

/** A stream to which requests are given one by one. */
function open(service: WatchService): {
  ask: (request: WatchRequest) => void;
  next: () => Promise<WatchResponse>;
} {
  const waiting: WatchRequest[] = [];
  let wake = Promise.withResolvers<undefined>();
  const requests = async function* (): AsyncGenerator<WatchRequest> {
    for (;;) {
      const request = waiting.shift();
      if (request !== undefined) yield request;
      else await wake.promise;
      wake = Promise.withResolvers();
    }
  };
  const responses = service.watch(requests(), { signal: testSignal() })[Symbol.asyncIterator]();
  return {
    ask: (request) => {
      waiting.push(request);
      wake.resolve(undefined);
    },
    next: async () => {
      const step = await responses.next();
      if (step.done === true) throw new Error('The watch stream ended.');
      return step.value;
    },
  };
}

/** Only what is set goes over the wire: to etcd an empty range_end is not the same as none. */
function create(key: string, fields: { watchId?: number; startRevision?: number }): WatchRequest {
  return { createRequest: { key: Buffer.from(key), ...fields } } as WatchRequest;
}
