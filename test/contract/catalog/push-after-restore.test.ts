import { expect, it, onTestFinished } from 'vitest';
import { connectEtcd } from '#libs/etcd/client.ts';
import { prefixEnd } from '#libs/etcd/prefix.ts';
import type { KeyValueStore } from '#libs/etcd/store.ts';
import { gcKey, HEAD_KEY, PREFIX, regionKey, SCHEMA_KEY } from '#services/replication/catalog/keys.ts';
import { keysAt, readKey } from '#services/replication/catalog/transact.ts';
import { describeStores, testSignal } from '#test/contract/etcd/stores.ts';
import { startCoordinatorProcess } from '#test/support/etcd.ts';
import { errorOf } from './asks.ts';
import { image, push } from './images.ts';
import { openRegion } from './regions.ts';

describeStores((subject) => {
  it('publishes nothing in an etcd that is older than its view', async () => {
    const { client } = subject();
    const server = await startCoordinatorProcess();
    const other = connectEtcd({ endpoints: [server.endpoint], callTimeoutMs: 5_000 });
    onTestFinished(async () => {
      other.close();
      await server.dispose();
    });
    // Of what `ap` does, only transactions go to the restored one yet, and leases.
    let store: KeyValueStore = client;
    const etcd: KeyValueStore = {
      range: (request, signal) => client.range(request, signal),
      txn: (request, signal) => store.txn(request, signal),
      watch: (request, signal) => client.watch(request, signal),
      compact: (revision, signal) => client.compact(revision, signal),
    };
    const us = await openRegion({ etcd: client, client });
    await push(us, 'restored/before', ['1'], image('restored-before'));
    const ap = await openRegion({ etcd, client: other, region: 'ap' });
    const regions = ['us', 'eu', 'ap'];
    const keys = [SCHEMA_KEY, HEAD_KEY, ...regions.map(regionKey), ...regions.map(gcKey)];
    const kept = await client.txn({ then: keys.map(readKey) }, testSignal());
    const puts = keys.map(
      (key, i) => ({ kind: 'put', key, value: keysAt(kept, i)[0]?.value ?? Buffer.of() }) as const,
    );
    await other.txn({ then: puts }, testSignal());
    store = other;
    const refused = await errorOf(push(ap, 'restored/after', ['1'], image('restored-after')));
    expect(refused.code).toBe('UNAVAILABLE');
    expect(refused.message).toContain('as it is after a restore');
    const { count } = await other.range(
      { key: PREFIX, rangeEnd: prefixEnd(PREFIX), countOnly: true },
      testSignal(),
    );
    expect(count).toBe(keys.length);
  });
});
