import { expect, it } from 'vitest';
import { digestOf } from '#libs/oci/digest.ts';
import { HEAD_KEY, manifestKey, tagKey } from '#services/replication/catalog/keys.ts';
import { parseDigest } from '#libs/oci/digest.ts';
import { parseRepositoryName } from '#libs/oci/name.ts';
import { parseTag } from '#libs/oci/tag.ts';
import { describeStores, testSignal, type Subject } from '#test/contract/etcd/stores.ts';
import { codeOf, digestOfTag, errorOf, findBlob, resolve, until } from './asks.ts';
import { image, index, publish, push, upload } from './images.ts';
import { newWorld, openRegion } from './regions.ts';

const open = ({ client }: Subject, options = {}) => openRegion({ etcd: client, client, ...options });

describeStores((subject) => {
  it('publishes a manifest under its tags, durable in two regions', async () => {
    const us = await open(subject());
    const app = image('push-1');
    const pushed = await push(us, 'push/first', ['1.0', 'latest'], app);
    expect(pushed.durableRegions).toEqual(['eu', 'us']);
    expect(pushed.position?.catalogId).toBe(us.view.position().catalogId);
    for (const reference of ['1.0', 'latest', app.descriptor.digest]) {
      expect((await resolve(us, 'push/first', reference)).manifest).toEqual(app.descriptor);
    }
    for (const { digest } of [...app.blobs, app.descriptor]) {
      expect(us.world.storages.eu.isPinned('push/first', digest)).toBe(true);
      expect((await findBlob(us, 'push/first', digest)).digest).toBe(digest);
    }
    const size = app.bytes.length + app.blobs.reduce((sum, { bytes }) => sum + bytes.length, 0);
    expect(us.events).toMatchObject([
      { kind: 'push', tags: ['1.0', 'latest'], size, durableRegions: ['eu', 'us'] },
    ]);
  });

  it('sends the manifest along to the regions that are to hold it', async () => {
    const us = await open(subject());
    const app = image('push-along');
    let along: unknown;
    us.world.afterHold = (request) => {
      along = request.along;
    };
    await push(us, 'push/along', ['1'], app);
    expect(along).toEqual([{ digest: app.descriptor.digest, data: app.bytes }]);
  });

  it('answers with the revision of the transaction, which put the head', async () => {
    const { client } = subject();
    const us = await open(subject());
    const pushed = await push(us, 'push/revision', ['1'], image('push-revision'));
    const { kvs } = await client.range({ key: HEAD_KEY }, testSignal());
    expect(kvs[0]?.modRevision).toBe(pushed.position?.revision);
    expect(us.view.position().revision).toBe(pushed.position?.revision);
  });

  it('can be pushed again and again', async () => {
    const us = await open(subject());
    const app = image('push-again');
    const first = await push(us, 'push/again', ['1'], app);
    const second = await push(us, 'push/again', ['1'], app);
    expect(second.position?.revision).toBeGreaterThan(first.position?.revision ?? 0);
    expect(await digestOfTag(us, 'push/again', '1')).toBe(app.descriptor.digest);
  });

  it('puts the manifest record again whenever a tag is set', async () => {
    const { client } = subject();
    const us = await open(subject());
    const app = image('push-reput');
    const key = manifestKey(parseRepositoryName('push/reput'), parseDigest(app.descriptor.digest));
    await push(us, 'push/reput', ['1'], app);
    const before = await client.range({ key }, testSignal());
    const { position } = await push(us, 'push/reput', ['2'], app);
    const after = await client.range({ key }, testSignal());
    expect(after.kvs[0]?.modRevision).toBe(position?.revision);
    expect(after.kvs[0]?.modRevision).toBeGreaterThan(before.kvs[0]?.modRevision ?? Infinity);
  });

  it('lets concurrent pushes to one tag all succeed, and the one with the greatest revision be last', async () => {
    const { client } = subject();
    const world = newWorld();
    const us = await open(subject(), { world });
    const eu = await open(subject(), { world, region: 'eu' });
    const images = Array.from({ length: 8 }, (_, i) => image(`push-race-${i}`));
    const pushes = await Promise.all(
      images.map((app, i) => push(i % 2 === 0 ? us : eu, 'push/race', ['1'], app)),
    );
    const revisions = pushes.map(({ position }) => position?.revision ?? 0);
    expect(new Set(revisions).size).toBe(images.length);
    const last = images[revisions.indexOf(Math.max(...revisions))];
    const { kvs } = await client.range(
      { key: tagKey(parseRepositoryName('push/race'), parseTag('1')) },
      testSignal(),
    );
    expect(kvs[0]?.modRevision).toBe(Math.max(...revisions));
    for (const region of [us, eu]) {
      await until('both views show it', () => region.view.position().revision >= Math.max(...revisions));
      expect(await digestOfTag(region, 'push/race', '1')).toBe(last?.descriptor.digest);
    }
  });

  it('lets one of several pushes with If-None-Match: * create the tag', async () => {
    const us = await open(subject());
    const images = Array.from({ length: 4 }, (_, i) => image(`push-create-${i}`));
    const outcomes = await Promise.allSettled(
      images.map((app) => push(us, 'push/create', ['1'], app, { ifNoneMatch: '*' })),
    );
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    for (const outcome of outcomes) {
      if (outcome.status === 'rejected')
        expect(outcome.reason).toMatchObject({ code: 'PRECONDITION_FAILED' });
    }
  });

  it('moves a tag only from the digest that If-Match names', async () => {
    const us = await open(subject());
    const [first, second, third] = ['a', 'b', 'c'].map((seed) => image(`push-match-${seed}`));
    if (!first || !second || !third) throw new Error('three images');
    expect(await codeOf(push(us, 'push/match', ['1'], first, { ifMatch: '*' }))).toBe('PRECONDITION_FAILED');
    await push(us, 'push/match', ['1'], first);
    await push(us, 'push/match', ['1'], second, { ifMatch: first.descriptor.digest });
    const late = push(us, 'push/match', ['1'], third, { ifMatch: first.descriptor.digest });
    expect(await codeOf(late)).toBe('PRECONDITION_FAILED');
    expect(await digestOfTag(us, 'push/match', '1')).toBe(second.descriptor.digest);
    expect(await codeOf(push(us, 'push/match', [], second, { ifNoneMatch: '*' }))).toBe(
      'PRECONDITION_FAILED',
    );
  });

  it('refuses a manifest that names a blob nobody uploaded to the repository', async () => {
    const us = await open(subject());
    const app = image('push-missing');
    upload(us, 'push/owner', app);
    await publish(us, 'push/owner', ['1'], app);
    us.world.storages.us.publish('push/thief', app.descriptor.digest, app.bytes);
    const refused = await errorOf(publish(us, 'push/thief', ['1'], app));
    expect(refused.code).toBe('MANIFEST_BLOB_UNKNOWN');
    expect(refused.detail).toEqual({ digests: app.blobs.map(({ digest }) => digest) });
    expect(await codeOf(resolve(us, 'push/thief', '1'))).toBe('MANIFEST_UNKNOWN');
    expect(await codeOf(findBlob(us, 'push/thief', app.blobs[0]?.digest ?? ''))).toBe('BLOB_UNKNOWN');
  });

  it('takes blobs that were uploaded through another region, and says 503 while that region is away', async () => {
    const world = newWorld();
    const us = await open(subject(), { world });
    const eu = await open(subject(), { world, region: 'eu' });
    const app = image('push-elsewhere');
    upload(eu, 'push/elsewhere', app);
    world.storages.us.publish('push/elsewhere', app.descriptor.digest, app.bytes);
    world.unreachable.add('eu');
    expect(await codeOf(publish(us, 'push/elsewhere', ['1'], app))).toBe('UNAVAILABLE');
    world.unreachable.clear();
    await publish(us, 'push/elsewhere', ['1'], app);
    expect(await digestOfTag(eu, 'push/elsewhere', '1')).toBe(app.descriptor.digest);
  });

  it('refuses a wrong size, and a child that was never pushed as a manifest', async () => {
    const us = await open(subject());
    const child = image('push-child');
    upload(us, 'push/index', child);
    expect(await codeOf(push(us, 'push/index', ['1'], index([child])))).toBe('MANIFEST_BLOB_UNKNOWN');
    await publish(us, 'push/index', [], child);
    const wrong = { ...child, descriptor: { ...child.descriptor, size: child.descriptor.size + 1 } };
    expect(await codeOf(push(us, 'push/index', ['1'], index([wrong])))).toBe('MANIFEST_INVALID');
    const whole = index([child]);
    await push(us, 'push/index', ['1'], whole);
    expect(us.events.at(-1)).toMatchObject({
      size:
        whole.bytes.length +
        child.bytes.length +
        child.blobs.reduce((sum, { bytes }) => sum + bytes.length, 0),
    });
  });

  it('needs no foreign layer, and owns one only if it was uploaded', async () => {
    const us = await open(subject());
    const bytes = Buffer.from('foreign');
    const foreign = {
      mediaType: 'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip',
      digest: digestOf(bytes),
      size: bytes.length,
      urls: ['https://example.com/layer'],
    };
    const app = image('push-foreign', { more: { layers: [foreign] } });
    await push(us, 'push/foreign', ['1'], app);
    expect(await codeOf(findBlob(us, 'push/foreign', foreign.digest))).toBe('BLOB_UNKNOWN');
    us.world.storages.us.publish('push/foreign', foreign.digest, bytes);
    await push(us, 'push/foreign', ['1'], app);
    expect(us.view.owns(parseRepositoryName('push/foreign'), foreign.digest)).toBe(bytes.length);
  });

  it('fails with the regions that are missing when durability is not reached, and succeeds when they are back', async () => {
    const us = await open(subject());
    us.world.unreachable.add('eu').add('ap');
    const app = image('push-durable');
    const refused = await errorOf(push(us, 'push/durable', ['1'], app));
    expect(refused).toMatchObject({ code: 'UNAVAILABLE', detail: { wanted: 2, held: ['us'] } });
    expect(refused.message).toContain('eu, ap');
    expect(refused.retryAfterSeconds).toBeGreaterThan(0);
    us.world.unreachable.clear();
    await push(us, 'push/durable', ['1'], app);
  });

  it('tells the subject of what it published', async () => {
    const us = await open(subject());
    const app = image('push-subject');
    await push(us, 'push/subject', ['1'], app);
    const signature = image('push-signature', { more: { subject: app.descriptor } });
    expect((await push(us, 'push/subject', [], signature)).subject).toBe(app.descriptor.digest);
  });
});
