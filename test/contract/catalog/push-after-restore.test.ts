import { expect, it } from 'vitest';
import type { KeyValueStore } from '#libs/etcd/store.ts';
import { parseRepositoryName } from '#libs/oci/name.ts';
import { gcKey, HEAD_KEY, regionKey, repositoryKey, SCHEMA_KEY } from '#services/replication/catalog/keys.ts';
import { CATALOG_FORMAT } from '#services/replication/catalog/bootstrap.ts';
import { headRecord, schemaRecord } from '#services/replication/catalog/records.ts';
import { keysAt, readKey } from '#services/replication/catalog/transact.ts';
import { describeStores, openAnotherStore, put, testSignal } from '#test/contract/etcd/stores.ts';
import { errorOf } from './asks.ts';
import { image, push } from './images.ts';
import { openRegion } from './regions.ts';

describeStores((subject) => {
  it.each([
    ['is older than its view', undefined, 'as it is after a restore'],
    ['holds another catalog', 'another', 'has not yet received'],
  ])('publishes nothing in an etcd that %s', async (_which, catalogId, message) => {
    const { client } = subject();
    const other = await openAnotherStore();
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
    const settings = { barrierTimeoutMs: 1_000 };
    const ap = await openRegion({ etcd, client: other, region: 'ap', settings });
    const regions = ['us', 'eu', 'ap'];
    const keys = [SCHEMA_KEY, HEAD_KEY, ...regions.map(regionKey), ...regions.map(gcKey)];
    const kept = await client.txn({ then: keys.map(readKey) }, testSignal());
    const values = new Map(keys.map((key, i) => [key, keysAt(kept, i)[0]?.value ?? Buffer.of()]));
    if (catalogId !== undefined)
      values.set(SCHEMA_KEY, schemaRecord.encode({ format: CATALOG_FORMAT, catalogId }));
    const puts = Array.from(values, ([key, value]) => ({ kind: 'put', key, value }) as const);
    await other.txn({ then: puts }, testSignal());
    if (catalogId !== undefined) {
      // Its head is ahead of the view, all else as old as there, so that revisions alone tell nothing.
      while ((await put(other, 'elsewhere', '')).revision <= ap.view.position().revision);
      await put(other, HEAD_KEY, headRecord.encode({ catalogId, id: 'its own' }).toString());
    }
    store = other;
    const repository = parseRepositoryName('restored/after');
    const refused = await errorOf(push(ap, repository, ['1'], image('restored-after')));
    expect(refused.code).toBe('UNAVAILABLE');
    expect(refused.message).toContain(message);
    const { count } = await other.range({ key: repositoryKey(repository) }, testSignal());
    expect(count).toBe(0);
  });
});
