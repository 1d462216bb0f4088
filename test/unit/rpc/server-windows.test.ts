import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openRpcChannel, type RpcChannel } from '#libs/rpc/client.ts';
import { uploadsContract, type Uploads } from '#libs/rpc/contracts.ts';
import { createRpcServer, type RpcServer } from '#libs/rpc/server.ts';

const MIB = 1024 * 1024;

describe('a server', () => {
  let server: RpcServer;
  let channel: RpcChannel;
  const left = Promise.withResolvers<undefined>();

  beforeAll(async () => {
    server = createRpcServer({ onFault: () => undefined });
    const unused = async (): Promise<never> => Promise.reject(new Error('Only writes are served.'));
    const write: Uploads['write'] = async (_parts, { signal }) => {
      signal.addEventListener('abort', () => left.resolve(undefined));
      return new Promise(() => undefined);
    };
    server.add(uploadsContract, { create: unused, write, stat: unused, finish: unused, cancel: unused });
    channel = openRpcChannel({ address: `127.0.0.1:${await server.listen('127.0.0.1:0')}` });
  });
  afterAll(async () => {
    channel.close();
    await server.close(0);
  });

  it('takes enough of a stream of requests to fill a long link before it is read', async () => {
    let made = 0;
    const endless = async function* () {
      yield { target: { id: 'a', repository: 'b', offset: 0 } };
      for (;;) {
        made += MIB / 4;
        yield { data: Buffer.alloc(MIB / 4) };
      }
    };
    const caller = new AbortController();
    const writing = channel.client(uploadsContract).write(endless(), { signal: caller.signal });
    writing.catch(() => undefined);
    await expect.poll(() => made, { timeout: 20_000 }).toBeGreaterThan(6 * MIB);
    caller.abort(new Error('enough'));
    await expect(writing).rejects.toThrow('enough');
    await left.promise;
  });
});
