import { expect, it } from 'vitest';
import { connectEtcd } from '#libs/etcd/client.ts';
import type { EtcdClient, KeyValueStore } from '#libs/etcd/store.ts';
import { parseRepositoryName } from '#libs/oci/name.ts';
import { bootstrapCatalog, CATALOG_FORMAT } from '#services/replication/catalog/bootstrap.ts';
import { HEAD_KEY, SCHEMA_KEY } from '#services/replication/catalog/keys.ts';
import { headRecord, schemaRecord } from '#services/replication/catalog/records.ts';
import type { ViewChange } from '#services/replication/catalog/view/view.ts';
import {
  describeStores,
  openAnotherStore,
  put,
  testSignal,
  type Subject,
} from '#test/contract/etcd/stores.ts';
import { startTcpProxy } from '#test/support/tcp-proxy.ts';
import { codeOf, digestOfTag, listTags, resolve, until } from './asks.ts';
import { gatedStore } from './gated-store.ts';
import { image, push } from './images.ts';
import { newWorld, openRegion, REGIONS, type TestRegion } from './regions.ts';

async function openTwo({ client }: Subject) {
  const world = newWorld();
  const us = await openRegion({ etcd: client, client, world });
  const gate = gatedStore(client);
  const eu = await openRegion({ etcd: gate, client, world, region: 'eu' });
  return { us, eu, gate, world };
}

async function untilLevel(one: TestRegion, other: TestRegion): Promise<void> {
  await until('both views are level', () => one.view.position().revision === other.view.position().revision);
}

async function newestRevision(client: EtcdClient): Promise<number> {
  return (await client.range({ key: '-' }, testSignal())).revision;
}

describeStores((subject) => {
  it('goes on after a restart from the last event it applied, without reading the catalog again', async () => {
    const { us, eu, world } = await openTwo(subject());
    await push(us, 'view/restart', ['1'], image('view-restart-1'));
    await untilLevel(us, eu);
    await eu.stop();
    const missed = image('view-restart-2');
    const { position } = await push(us, 'view/restart', ['2'], missed);

    const { client } = subject();
    const gate = gatedStore(client);
    const again = await openRegion({ etcd: gate, client, world, region: 'eu', dataDir: eu.dataDir });
    expect(await digestOfTag(again, 'view/restart', '2')).toBe(missed.descriptor.digest);
    expect(gate.watchedFrom[0]).toBeLessThanOrEqual(position?.revision ?? 0);
    expect(gate.watchedFrom[0]).toBeGreaterThan(eu.view.position().revision);
    expect(gate.ranges.filter(({ limit }) => limit !== undefined)).toEqual([]);
  });

  it('loads the catalog anew when its next revision was compacted, and tells followers to start afresh', async () => {
    const { us, eu, world } = await openTwo(subject());
    await push(us, 'view/compacted', ['1', 'gone'], image('view-compacted-1'));
    await untilLevel(us, eu);
    await eu.stop();
    const { client } = subject();
    const missed = image('view-compacted-2');
    await push(us, 'view/compacted', ['2'], missed);
    await us.catalog.deleteTag(
      { repository: 'view/compacted', tag: 'gone', ifMatch: '' },
      { signal: testSignal() },
    );
    await client.compact(await newestRevision(client), testSignal());

    const gate = gatedStore(client);
    const again = await openRegion({ etcd: gate, client, world, region: 'eu', dataDir: eu.dataDir });
    expect(gate.ranges.some(({ limit }) => limit !== undefined)).toBe(true);
    expect((await listTags(again, 'view/compacted')).names).toEqual(['1', '2']);
    expect(await digestOfTag(again, 'view/compacted', '2')).toBe(missed.descriptor.digest);
    await push(us, 'view/compacted', ['3'], missed);
    expect(await digestOfTag(again, 'view/compacted', '3')).toBe(missed.descriptor.digest);
  });

  it('loses no event when its connection breaks again and again', async () => {
    const { client, server } = subject();
    const world = newWorld();
    const us = await openRegion({ etcd: client, client, world });
    const proxy = await startTcpProxy(server.port);
    const broken = connectEtcd({ endpoints: [proxy.endpoint], callTimeoutMs: 5_000 });
    const eu = await openRegion({ etcd: broken, client, world, region: 'eu' });
    let changes = 0;
    eu.view.subscribe(({ tags }) => (changes += tags.length));
    const app = image('view-broken');
    for (let i = 0; i < 30; i++) {
      await push(us, 'view/broken', [`t${i}`], app);
      if (i % 6 === 0) proxy.cutNow();
    }
    await untilLevel(us, eu);
    expect((await listTags(eu, 'view/broken')).names).toHaveLength(30);
    expect(changes).toBe(30);
    await eu.stop();
    broken.close();
    await proxy.close();
  });

  it('makes the watch anew when it stands still although the catalog moves on', async () => {
    const { client } = subject();
    const gate = gatedStore(client);
    const settings = { headEveryMs: 50, maxStuckMs: 200 };
    const us = await openRegion({ etcd: gate, client, settings });
    const made = gate.watchedFrom.length;
    gate.holdWatches();
    const pushing = push(us, 'view/stuck', ['1'], image('view-stuck'));
    await until('another watch is made', () => gate.watchedFrom.length > made);
    gate.releaseWatches();
    await pushing;
    expect((await resolve(us, 'view/stuck', '1')).manifest).not.toBeNull();
  });
});

describeStores((subject) => {
  it('lets all regions of a new cluster start at once and agree on one catalog', async () => {
    const { client } = subject();
    const regions = await Promise.all(REGIONS.map((region) => openRegion({ etcd: client, client, region })));
    expect(new Set(regions.map(({ view }) => view.position().catalogId)).size).toBe(1);
    expect(regions[0]?.view.regions()).toMatchObject([
      { name: 'ap', state: 'active', endpoint: 'ap.test:5100' },
      { name: 'eu', state: 'active' },
      { name: 'us', state: 'active' },
    ]);
    expect(regions[0]?.view.epoch('us')).toBe(0);
    const stranger = bootstrapCatalog(
      client,
      { region: 'mars', regions: [{ name: 'mars', endpoint: 'mars.test:1' }] },
      testSignal(),
    );
    await expect(stranger).rejects.toThrow(/knows the regions ap, eu, us, but not mars/);
  });

  it('is told to start afresh when etcd was emptied and begun again before its eyes', async () => {
    const { client } = subject();
    const us = await openRegion({ etcd: client, client });
    await push(us, 'view/emptied', ['1'], image('view-emptied'));
    const changes: ViewChange[] = [];
    us.view.subscribe((change) => changes.push(change));
    const { catalogId } = us.view.position();
    const regions = us.view.regions();
    await client.txn({ then: [{ kind: 'delete', key: '\0', rangeEnd: '\0' }] }, testSignal());
    await bootstrapCatalog(client, { region: 'us', regions }, testSignal());
    await until('the view is of the new catalog', () => us.view.position().catalogId !== catalogId);
    expect(changes.at(-1)).toMatchObject({ reset: true });
    expect(us.view.repository(parseRepositoryName('view/emptied'))).toBeUndefined();
  });

  it.each(['of another catalog', 'of the same catalog, restored and gone another way'])(
    'loads the catalog anew when it meets an etcd %s',
    async (which) => {
      const { client } = subject();
      const other = await openAnotherStore();
      const etcd = switchable(client);
      const us = await openRegion({ etcd, client, settings: { headEveryMs: 50 } });
      await push(us, 'view/exchanged', ['1'], image('view-exchanged'));
      const known = us.view.position();

      await bootstrapCatalog(other, { region: 'us', regions: us.view.regions() }, testSignal());
      const catalogId = which === 'of another catalog' ? undefined : known.catalogId;
      if (catalogId !== undefined) await rename(other, catalogId);
      // The other one is ahead, so that revisions alone tell nothing.
      while ((await newestRevision(other)) <= known.revision) await put(other, 'elsewhere', '');
      let resets = 0;
      us.view.subscribe(({ reset }) => (resets += Number(reset)));
      etcd.switchTo(other);

      await until('the view is loaded anew', () => resets > 0);
      expect(us.view.repository(parseRepositoryName('view/exchanged'))).toBeUndefined();
      if (catalogId === undefined) expect(us.view.position().catalogId).not.toBe(known.catalogId);
      else expect(us.view.position().catalogId).toBe(catalogId);
      expect(await codeOf(resolve(us, 'view/exchanged', '1'))).toBe('MANIFEST_UNKNOWN');
    },
  );
});

/** A store that becomes another one; the watches of the first end. */
function switchable(first: KeyValueStore): KeyValueStore & { switchTo(next: KeyValueStore): void } {
  let store = first;
  let watching = new AbortController();
  return {
    range: (request, signal) => store.range(request, signal),
    txn: (request, signal) => store.txn(request, signal),
    watch: (request, signal) => store.watch(request, AbortSignal.any([signal, watching.signal])),
    compact: (revision, signal) => store.compact(revision, signal),
    switchTo: (next) => {
      store = next;
      watching.abort(new Error('The connection broke.'));
      watching = new AbortController();
    },
  };
}

/** Gives a store's catalog another id. */
async function rename(client: EtcdClient, catalogId: string): Promise<void> {
  await client.txn(
    {
      then: [
        { kind: 'put', key: SCHEMA_KEY, value: schemaRecord.encode({ format: CATALOG_FORMAT, catalogId }) },
        { kind: 'put', key: HEAD_KEY, value: headRecord.encode({ catalogId, id: 'restored' }) },
      ],
    },
    testSignal(),
  );
}
