import { createServer, connect, type AddressInfo } from 'node:net';
import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { peerContract, type Peer } from '#libs/rpc/contracts.ts';
import { createRpcServer, type RpcServer } from '#libs/rpc/server.ts';
import { openLanes } from '#services/replication/peers/lanes.ts';
import { neverAborts, soon } from '#test/support/transfer-regions.ts';

const request = { digest: `sha256:${'a'.repeat(64)}`, offset: 0, length: 1 };

describe('the connections for much to another region', () => {
  let server: RpcServer;
  let address: string;
  let held: PromiseWithResolvers<undefined>;
  let reading = 0;
  const connections = { count: 0 };
  const closers: (() => void)[] = [];

  beforeAll(async () => {
    server = createRpcServer({ onFault: () => undefined });
    const unused = async (): Promise<never> => Promise.reject(new Error('Only reads are served.'));
    const read: Peer['read'] = async function* () {
      reading += 1;
      await held.promise;
      yield { data: Buffer.from('x') };
    };
    const names = 'ping stat pins unpin pinOwners announce suspect hold summarize listKept'.split(' ');
    const others = Object.fromEntries(names.map((name) => [name, unused]));
    server.add(peerContract, { ...others, read } as unknown as Peer);
    const port = await server.listen('127.0.0.1:0');
    const counting = createServer((client) => {
      connections.count += 1;
      const upstream = connect(port, '127.0.0.1');
      client.pipe(upstream).pipe(client);
      for (const socket of [client, upstream]) {
        socket.on('error', () => undefined);
        closers.push(() => socket.destroy());
      }
    }).listen(0, '127.0.0.1');
    await once(counting, 'listening');
    address = `127.0.0.1:${(counting.address() as AddressInfo).port}`;
    closers.push(() => counting.close());
  });
  afterAll(async () => {
    for (const close of closers) close();
    await server.close(0);
  });

  it.each([
    [3, 4, 'the longer its round trip is', 60],
    [2, 4, 'but no more than they may', 300, 2],
    [1, 1, 'and none that nothing waits for', 300],
  ])('are %d where %d reads are under way: more, %s', async (wanted, reads, _, roundTripMs, most = 16) => {
    held = Promise.withResolvers();
    reading = connections.count = 0;
    const lanes = openLanes({ address, linkConnections: most, asking: 'us', roundTripMs: () => roundTripMs });
    const readAll = async (): Promise<number> => {
      let bytes = 0;
      for await (const { data } of lanes.read(request, { signal: neverAborts })) bytes += data.length;
      return bytes;
    };
    const running = Array.from({ length: reads }, readAll);
    await expect.poll(() => reading, soon).toBe(reads);
    held.resolve(undefined);
    expect(await Promise.all(running)).toEqual(Array.from({ length: reads }, () => 1));
    expect(connections.count).toBe(wanted);
    lanes.close();
  });

  it('are there before they are needed, once it is known how far it is', async () => {
    held = Promise.withResolvers();
    connections.count = 0;
    const lanes = openLanes({ address, linkConnections: 16, asking: 'us', roundTripMs: () => 60 });
    lanes.connect();
    lanes.connect();
    await expect.poll(() => connections.count, soon).toBe(3);
    held.resolve(undefined);
    for await (const { data } of lanes.read(request, { signal: neverAborts })) expect(data).toHaveLength(1);
    expect(connections.count).toBe(3);
    lanes.close();
  });
});
