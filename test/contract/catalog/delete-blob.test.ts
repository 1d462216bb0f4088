import { expect, it } from 'vitest';
import { parseRepositoryName } from '#libs/oci/name.ts';
import { removalsKey } from '#services/replication/catalog/keys.ts';
import { describeStores, testSignal, type Subject } from '#test/contract/etcd/stores.ts';
import type { Frame } from '#types/meridian/v1/Frame.ts';
import { codeOf, deleteBlob, deleteManifest, errorOf, findBlob, findOwners, until } from './asks.ts';
import { configure } from './configure.ts';
import { image, index, publish, push, upload } from './images.ts';
import { newWorld, openRegion } from './regions.ts';

const open = ({ client }: Subject, settings = {}) => openRegion({ etcd: client, client, settings });

const firstBlob = ({ blobs }: ReturnType<typeof image>): string => blobs[0]?.digest ?? '';

describeStores((subject) => {
  it('gives an uploaded blob up in every region, once', async () => {
    const us = await open(subject());
    const app = image('give-up');
    const digest = firstBlob(app);
    for (const region of ['us', 'eu'] as const) upload({ ...us, region }, 'blob/app', app);
    upload(us, 'blob/other', app);
    const { position } = await deleteBlob(us, 'blob/app', digest);
    expect(await codeOf(findBlob(us, 'blob/app', digest))).toBe('BLOB_UNKNOWN');
    expect(Object.values(us.world.storages).some((storage) => storage.isPinned('blob/app', digest))).toBe(
      false,
    );
    expect((await findBlob(us, 'blob/other', digest)).digest).toBe(digest);
    expect(us.world.storages.us.has(digest)).toBe(true);
    const key = removalsKey(parseRepositoryName('blob/app'));
    const { kvs } = await subject().client.range({ key }, testSignal());
    expect(kvs[0]?.modRevision).toBe(position?.revision);
    expect(us.events).toContainEqual({ kind: 'delete', repository: 'blob/app', reference: digest });
    expect(await codeOf(deleteBlob(us, 'blob/app', digest))).toBe('BLOB_UNKNOWN');
    upload(us, 'blob/app', app);
    expect((await findBlob(us, 'blob/app', digest)).digest).toBe(digest);
  });

  it('knows no blob that the repository does not have', async () => {
    const us = await open(subject());
    const app = image('not-owned');
    upload(us, 'blob/mine', app);
    const before = us.view.position();
    for (const repository of ['blob/yours', 'blob/unknown']) {
      expect(await codeOf(deleteBlob(us, repository, firstBlob(app)))).toBe('BLOB_UNKNOWN');
    }
    expect(us.view.position()).toEqual(before);
  });

  it('refuses what manifests name, and the manifests themselves, and says what to do', async () => {
    const us = await open(subject());
    const apps = Array.from({ length: 5 }, (_, i) =>
      image('named', { more: { annotations: { version: String(i) } } }),
    );
    for (const app of apps) await push(us, 'blob/named', [], app);
    const [app] = apps;
    if (app === undefined) throw new Error('there are five');
    const refusal = await errorOf(deleteBlob(us, 'blob/named', firstBlob(app)));
    expect(refusal.code).toBe('UNSUPPORTED');
    const named = apps.map(({ descriptor }) => descriptor.digest).filter((d) => refusal.message.includes(d));
    expect(named).toHaveLength(3);
    expect(refusal.message).toContain('and others');
    const manifest = await errorOf(deleteBlob(us, 'blob/named', app.descriptor.digest));
    expect(manifest.code).toBe('UNSUPPORTED');
    expect(manifest.message).toContain(`/v2/blob/named/manifests/${app.descriptor.digest}`);
    const list = index([app]);
    await push(us, 'blob/named', ['list'], list);
    await findBlob(us, 'blob/named', firstBlob(app));

    for (const { descriptor } of [list, ...apps]) await deleteManifest(us, 'blob/named', descriptor.digest);
    await deleteBlob(us, 'blob/named', firstBlob(app));
    await deleteBlob(us, 'blob/named', app.descriptor.digest);
    expect(await codeOf(findBlob(us, 'blob/named', firstBlob(app)))).toBe('BLOB_UNKNOWN');
  });

  it('obeys If-Match, which only another digest fails', async () => {
    const us = await open(subject());
    const app = image('if-match');
    const [config, layer] = app.blobs.map(({ digest }) => digest) as [string, string];
    upload(us, 'blob/match', app);
    expect(await codeOf(deleteBlob(us, 'blob/match', config, layer))).toBe('PRECONDITION_FAILED');
    await deleteBlob(us, 'blob/match', config, config);
    await deleteBlob(us, 'blob/match', layer, '*');
    expect(await codeOf(deleteBlob(us, 'blob/match', layer, config))).toBe('BLOB_UNKNOWN');
  });

  it('says which region may still have the blob, and is done when that is back', async () => {
    const us = await open(subject());
    const app = image('region-down');
    const digest = firstBlob(app);
    for (const region of ['us', 'eu'] as const) upload({ ...us, region }, 'blob/down', app);
    us.world.unreachable.add('eu');
    const refusal = await errorOf(deleteBlob(us, 'blob/down', digest));
    expect(refusal).toMatchObject({
      code: 'UNAVAILABLE',
      detail: { done: ['us', 'ap'], unreachable: ['eu'] },
    });
    expect(refusal.retryAfterSeconds).toBeGreaterThan(0);
    expect(await codeOf(findBlob(us, 'blob/down', digest))).toBe('UNAVAILABLE');
    expect(await codeOf(deleteBlob(us, 'blob/down', digest))).toBe('UNAVAILABLE');
    us.world.unreachable.delete('eu');
    await deleteBlob(us, 'blob/down', digest);
    expect(await codeOf(findBlob(us, 'blob/down', digest))).toBe('BLOB_UNKNOWN');
  });

  it('reaches, when repeated, a region where only a copy was under way', async () => {
    const us = await open(subject());
    const app = image('late-copy');
    const digest = firstBlob(app);
    upload(us, 'blob/late', app);
    us.world.unreachable.add('eu');
    expect(await codeOf(deleteBlob(us, 'blob/late', digest))).toBe('UNAVAILABLE');
    us.world.unreachable.delete('eu');
    expect(await codeOf(deleteBlob(us, 'blob/late', digest))).toBe('BLOB_UNKNOWN');
    const { givenUp } = await us.world.storages.eu.storage.pins(
      { repository: 'blob/late', digests: [digest] },
      { signal: testSignal() },
    );
    expect(givenUp).toEqual([digest]);
  });

  it('can not say whether there is a blob while a region is away', async () => {
    const us = await open(subject());
    us.world.unreachable.add('ap');
    expect(await codeOf(deleteBlob(us, 'blob/perhaps', firstBlob(image('perhaps'))))).toBe('UNAVAILABLE');
  });

  it('makes a push that relied on the pin look again', async () => {
    const us = await open(subject());
    const app = image('push-looks-again');
    upload(us, 'blob/push', app);
    let deleted: Promise<unknown> | undefined;
    us.world.afterHold = async () => {
      await (deleted ??= deleteBlob(us, 'blob/push', firstBlob(app)));
    };
    expect(await codeOf(publish(us, 'blob/push', ['1'], app))).toBe('MANIFEST_BLOB_UNKNOWN');
  });

  it('gives way to a push that came between', async () => {
    const us = await open(subject());
    const app = image('push-between');
    upload(us, 'blob/between', app);
    let pushed: Promise<unknown> | undefined;
    us.world.afterUnpin = () => (pushed ??= push(us, 'blob/between', ['1'], app));
    expect(await codeOf(deleteBlob(us, 'blob/between', firstBlob(app)))).toBe('UNSUPPORTED');
    expect((await findBlob(us, 'blob/between', firstBlob(app))).digest).toBe(firstBlob(app));
  });

  it('is told to the front ends of every region, and no later answer rests on an ended pin', async () => {
    const { client } = subject();
    const world = newWorld();
    const us = await openRegion({ etcd: client, client, world });
    const eu = await openRegion({
      etcd: client,
      client,
      world,
      region: 'eu',
      settings: { frameEveryMs: 60_000 },
    });
    const app = image('told');
    const digest = firstBlob(app);
    upload(us, 'blob/told', app);
    const frames = eu.catalog.follow({}, { signal: testSignal() })[Symbol.asyncIterator]();
    await frames.next();

    // A reader finds the pin, which ends before he has his answer.
    let deleted: ReturnType<typeof deleteBlob> | undefined;
    world.afterFind = async () => {
      if (deleted !== undefined) return;
      deleted = deleteBlob(us, 'blob/told', digest);
      const revision = (await deleted).position?.revision ?? 0;
      await until('eu has heard of it', () => eu.view.position().revision >= revision);
    };
    const answer = await findBlob(eu, 'blob/told', digest);
    const revision = (await deleted)?.position?.revision ?? 0;
    expect(answer.position?.revision).toBeLessThan(revision);
    expect((await frames.next()).value as Frame).toMatchObject({ repositories: ['blob/told'] });
    expect(await codeOf(findBlob(eu, 'blob/told', digest))).toBe('BLOB_UNKNOWN');
    await frames.return?.();
  });

  it('finds the owners of a digest: by manifests, or else by pins, and not those being deleted', async () => {
    const us = await open(subject());
    const app = image('owners');
    const digest = firstBlob(app);
    const size = app.blobs[0]?.bytes.length;
    expect(await findOwners(us, digest)).toEqual({ repositories: [], size: 0 });
    upload({ ...us, region: 'ap' }, 'own/pinned', app);
    expect(await findOwners(us, digest)).toEqual({ repositories: ['own/pinned'], size });
    const names = ['own/c', 'own/a', 'own/b'];
    const variants = [app, image('owners', { more: { annotations: { a: 'b' } } })];
    for (const name of names) for (const variant of variants) await push(us, name, [], variant);
    expect(await findOwners(us, digest)).toEqual({ repositories: ['own/a', 'own/b', 'own/c'], size });
    expect(await findOwners(us, digest, 2)).toEqual({ repositories: ['own/a', 'own/b'], size });
    expect((await findOwners(us, app.descriptor.digest)).repositories).toHaveLength(3);
    await configure(subject().client, us, 'own/a', { state: 'deleting' });
    expect((await findOwners(us, digest, 2)).repositories).toEqual(['own/b', 'own/c']);
  });
});
