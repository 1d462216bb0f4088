import { expect, it } from 'vitest';
import { parseDigest } from '#libs/oci/digest.ts';
import { parseRepositoryName } from '#libs/oci/name.ts';
import { manifestKey, removalsKey } from '#services/replication/catalog/keys.ts';
import { describeStores, testSignal, type Subject } from '#test/contract/etcd/stores.ts';
import { codeOf, deleteManifest, deleteTag, digestOfTag, findBlob, listTags, resolve } from './asks.ts';
import { image, publish, push, upload } from './images.ts';
import { openRegion } from './regions.ts';

const open = ({ client }: Subject) => openRegion({ etcd: client, client });

describeStores((subject) => {
  it('removes a tag and leaves its manifest', async () => {
    const us = await open(subject());
    const app = image('delete-tag');
    await push(us, 'delete/tag', ['1'], app);
    await deleteTag(us, 'delete/tag', '1');
    expect(await codeOf(deleteTag(us, 'delete/tag', '1'))).toBe('MANIFEST_UNKNOWN');
    expect((await resolve(us, 'delete/tag', app.descriptor.digest)).manifest).toEqual(app.descriptor);
  });

  it('removes a tag only while it points where If-Match says', async () => {
    const us = await open(subject());
    const [first, second] = [image('delete-match-1'), image('delete-match-2')];
    await push(us, 'delete/match', ['1'], first);
    await push(us, 'delete/match', ['1'], second);
    expect(await codeOf(deleteTag(us, 'delete/match', '1', first.descriptor.digest))).toBe(
      'PRECONDITION_FAILED',
    );
    await deleteTag(us, 'delete/match', '1', second.descriptor.digest);
  });

  it('removes a manifest with all of its tags, more than fit in one transaction, and no others', async () => {
    const us = await open(subject());
    const [app, other] = [image('delete-many'), image('delete-other')];
    const tags = Array.from({ length: 200 }, (_, i) => `t${i}`);
    for (let start = 0; start < tags.length; start += 50) {
      await push(us, 'delete/many', tags.slice(start, start + 50), app);
    }
    await push(us, 'delete/many', ['other'], other);
    const { position } = await deleteManifest(us, 'delete/many', app.descriptor.digest);
    expect((await listTags(us, 'delete/many')).names).toEqual(['other']);
    expect(await codeOf(resolve(us, 'delete/many', app.descriptor.digest))).toBe('MANIFEST_UNKNOWN');
    const key = removalsKey(parseRepositoryName('delete/many'));
    const { kvs } = await subject().client.range({ key }, testSignal());
    expect(kvs[0]?.modRevision).toBe(position?.revision);
    expect(await codeOf(deleteManifest(us, 'delete/many', app.descriptor.digest))).toBe('MANIFEST_UNKNOWN');
  });

  it('makes a push that relied on the removed manifest look again', async () => {
    const us = await open(subject());
    const [app, copied] = [image('delete-race'), image('delete-race', { more: { annotations: { a: 'b' } } })];
    await push(us, 'delete/race', ['1'], app);
    // The second manifest names the same blobs; they are the repository's by the first one alone.
    us.world.storages.us.publish('delete/race', copied.descriptor.digest, copied.bytes);
    let deleted = false;
    us.world.afterHold = async () => {
      if (deleted) return;
      deleted = true;
      for (const storage of Object.values(us.world.storages))
        for (const { digest } of app.blobs) storage.lose(digest);
      await deleteManifest(us, 'delete/race', app.descriptor.digest);
    };
    expect(await codeOf(publish(us, 'delete/race', ['2'], copied))).toBe('MANIFEST_BLOB_UNKNOWN');
    expect(await codeOf(resolve(us, 'delete/race', '2'))).toBe('MANIFEST_UNKNOWN');
  });

  it('lets a push of the manifest that is being deleted win or lose whole', async () => {
    const us = await open(subject());
    const app = image('delete-both');
    await push(us, 'delete/both', ['1'], app);
    for (let round = 0; round < 5; round++) {
      const [pushed] = await Promise.allSettled([
        publish(us, 'delete/both', ['1', `r${round}`], app),
        deleteManifest(us, 'delete/both', app.descriptor.digest),
      ]);
      const key = manifestKey(parseRepositoryName('delete/both'), parseDigest(app.descriptor.digest));
      const { count } = await subject().client.range({ key }, testSignal());
      const { names } = await listTags(us, 'delete/both', {
        freshness: { strong: true, catalogId: '', minRevision: 0 },
      });
      expect(pushed.status).toBe('fulfilled');
      expect(names.length > 0).toBe(count === 1);
      for (const tag of names) expect(await digestOfTag(us, 'delete/both', tag)).toBe(app.descriptor.digest);
    }
  });

  it('takes the blobs of a removed manifest from those who can read, unless they are pinned', async () => {
    const us = await open(subject());
    const app = image('delete-blobs');
    upload(us, 'delete/blobs', app);
    await publish(us, 'delete/blobs', ['1'], app);
    await deleteManifest(us, 'delete/blobs', app.descriptor.digest);
    const [blob] = app.blobs;
    expect(await findBlob(us, 'delete/blobs', blob?.digest ?? '')).toMatchObject({
      size: blob?.bytes.length,
    });
    for (const storage of Object.values(us.world.storages)) storage.lose(blob?.digest ?? '');
    expect(await codeOf(findBlob(us, 'delete/blobs', blob?.digest ?? ''))).toBe('BLOB_UNKNOWN');
  });
});
