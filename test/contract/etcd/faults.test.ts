import { expect, it } from 'vitest';
import { connectEtcd } from '#libs/etcd/client.ts';
import { UnavailableError } from '#libs/etcd/errors.ts';
import { startTcpProxy, type TcpProxy } from '#test/support/tcp-proxy.ts';
import { CALL_TIMEOUT_MS, describeStores, freshPrefix, put, takeUntil, testSignal } from './stores.ts';

const NOBODY = 'http://127.0.0.1:1';

describeStores((subject) => {
  it('does not repeat a transaction whose answer was lost, and says that its outcome is unknown', async () => {
    const { client, server } = subject();
    const key = `${freshPrefix()}a`;
    const proxy = await startTcpProxy(server.port);
    // A second way to the same store, which the client must not take for a write that it has sent.
    const broken = connectEtcd({
      endpoints: [proxy.endpoint, server.endpoint],
      callTimeoutMs: CALL_TIMEOUT_MS,
    });
    try {
      await put(broken, key, 'first');
      proxy.loseAnswers();
      const lost = put(broken, key, 'second');
      await expect(lost).rejects.toMatchObject({ constructor: UnavailableError, outcomeUnknown: true });
      await expect(lost).rejects.toThrow(proxy.endpoint.replace('http://', ''));
      await expect.poll(async () => (await client.range({ key }, testSignal())).kvs[0]?.version).toBe(2);
      await put(client, key, 'third');
      const { kvs } = await client.range({ key }, testSignal());
      expect(kvs).toMatchObject([{ version: 3, value: Buffer.from('third') }]);
    } finally {
      broken.close();
      await proxy.close();
    }
  });

  it('asks the next endpoint for a read whose answer was lost', async () => {
    const { client, server } = subject();
    const key = `${freshPrefix()}a`;
    await put(client, key, 'here');
    const proxy = await startTcpProxy(server.port);
    const broken = connectEtcd({
      endpoints: [proxy.endpoint, server.endpoint],
      callTimeoutMs: CALL_TIMEOUT_MS,
    });
    try {
      await broken.range({ key }, testSignal());
      proxy.loseAnswers();
      expect(await broken.range({ key }, testSignal())).toMatchObject({ count: 1 });
    } finally {
      broken.close();
      await proxy.close();
    }
  });

  it('goes to the second endpoint while the first is down, and back to the first', async () => {
    const { server } = subject();
    const key = `${freshPrefix()}a`;
    const first = await startTcpProxy(server.port);
    const second = await startTcpProxy(server.port);
    let restarted: TcpProxy | undefined;
    const client = connectEtcd({
      endpoints: [NOBODY, first.endpoint, second.endpoint],
      callTimeoutMs: CALL_TIMEOUT_MS,
    });
    try {
      const { revision } = await put(client, key, '1');
      const events = await takeUntil(client.watch({ key, fromRevision: revision }, testSignal()), () => true);
      expect(events).toHaveLength(1);
      const { id } = await client.grant(60, testSignal());
      expect(await client.keepAlive(id, testSignal())).toBe(60);
      expect(second.answeredBytes()).toBe(0);
      await first.close();
      const read = (): Promise<number> => client.range({ key }, testSignal()).then(({ count }) => count);
      await expect.poll(read, { timeout: 10_000 }).toBe(1);
      expect(second.answeredBytes()).toBeGreaterThan(0);
      restarted = await startTcpProxy(server.port, first.port);
      const readThroughSecond = async (): Promise<boolean> => {
        const before = second.answeredBytes();
        await read();
        return second.answeredBytes() > before;
      };
      await expect.poll(readThroughSecond, { timeout: 20_000 }).toBe(false);
      expect(restarted.answeredBytes()).toBeGreaterThan(0);
    } finally {
      client.close();
      await restarted?.close();
      await second.close();
    }
  });

  it('says which endpoints it could not reach, and that nothing was sent', async () => {
    const client = connectEtcd({ endpoints: [NOBODY], callTimeoutMs: CALL_TIMEOUT_MS });
    const write = put(client, 'a', '');
    await expect(write).rejects.toMatchObject({ constructor: UnavailableError, outcomeUnknown: false });
    await expect(write).rejects.toThrow('127.0.0.1:1');
    client.close();
  });
});
