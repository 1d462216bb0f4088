import { expect, it } from 'vitest';
import { parseDigest } from '#libs/oci/digest.ts';
import { parseRepositoryName } from '#libs/oci/name.ts';
import { describeStores, type Subject } from '#test/contract/etcd/stores.ts';
import { changeSettings, codeOf, deleteManifest, findBlob, resolve, until } from './asks.ts';
import { image, index, publish, push, upload, type TestImage } from './images.ts';
import { newWorld, openRegion, type TestRegion } from './regions.ts';

/** No sweep but the first, so that only prompts are seen; and a short wait for regions that are away. */
const PROMPTED = { adoptEveryMs: 60_000, adoptTimeoutMs: 200 };
const SWEPT = { adoptEveryMs: 50, adoptTimeoutMs: 200 };

async function open({ client }: Subject, repository: string, options = {}): Promise<TestRegion> {
  const region = await openRegion({ etcd: client, client, settings: PROMPTED, ...options });
  await changeSettings(region, repository, { missing: 'accept' });
  return region;
}

/** Publishes a manifest without its blobs. */
function publishAlone(region: TestRegion, repository: string, tag: string, app: TestImage) {
  upload(region, repository, { ...app, blobs: [] });
  return publish(region, repository, [tag], app);
}

/** Of what a manifest names: which the repository owns by it. */
function ownedOf({ view }: TestRegion, repository: string, { descriptor }: TestImage): boolean[] {
  const record = view.manifest(parseRepositoryName(repository), parseDigest(descriptor.digest));
  return record?.references.map(({ owned }) => owned) ?? [];
}

describeStores((subject) => {
  it('takes a manifest that names what is not there, holds what is, and gives no access to the rest', async () => {
    const us = await open(subject(), 'sparse/image');
    const app = image('sparse-image');
    const [config, layer] = app.blobs;
    if (!config || !layer) throw new Error('an image has blobs');
    us.world.storages.us.publish('sparse/image', config.digest, config.bytes);
    us.world.storages.us.publish('other/image', layer.digest, layer.bytes);
    const pushed = await publishAlone(us, 'sparse/image', '1', app);
    expect(pushed.durableRegions).toEqual(['eu', 'us']);
    expect(ownedOf(us, 'sparse/image', app)).toEqual([true, false, false]);
    expect(us.world.storages.eu.isPinned('sparse/image', config.digest)).toBe(true);
    expect(us.world.storages.eu.has(layer.digest)).toBe(false);
    expect(await codeOf(findBlob(us, 'sparse/image', layer.digest))).toBe('BLOB_UNKNOWN');
    const wanted = Array.from(us.view.wantedBlobs('eu'), ({ digest }) => digest);
    expect(wanted).toContain(config.digest);
    expect(wanted).not.toContain(layer.digest);
  });

  it('refuses it again once the setting does, and a wrong size at any time', async () => {
    const us = await open(subject(), 'sparse/refused');
    const app = image('sparse-refused');
    const wrong = { ...app, descriptor: { ...app.descriptor, size: app.descriptor.size + 1 } };
    await push(us, 'sparse/refused', ['1'], app);
    expect(await codeOf(push(us, 'sparse/refused', ['2'], index([wrong])))).toBe('MANIFEST_INVALID');
    await changeSettings(us, 'sparse/refused', { missing: null });
    const other = image('sparse-refused-other');
    expect(await codeOf(publishAlone(us, 'sparse/refused', '3', other))).toBe('MANIFEST_BLOB_UNKNOWN');
  });

  it('owns a blob that arrives later, as durable as a push would have made it', async () => {
    const us = await open(subject(), 'sparse/later');
    const app = image('sparse-later');
    await publishAlone(us, 'sparse/later', '1', app);
    const before = us.view.position().revision;
    upload(us, 'sparse/later', app);
    for (const { digest } of app.blobs) us.arrived('sparse/later', digest);
    await until('all are owned', () => ownedOf(us, 'sparse/later', app).every(Boolean));
    expect(us.view.position().revision).toBeGreaterThan(before);
    for (const { digest } of app.blobs) {
      expect(us.world.storages.eu.isPinned('sparse/later', digest)).toBe(true);
    }
    expect((await resolve(us, 'sparse/later', '1')).manifest).toEqual(app.descriptor);
  });

  it('owns a child that is pushed later through another region, with all that it owns', async () => {
    const world = newWorld();
    const us = await open(subject(), 'sparse/index', { world });
    const eu = await open(subject(), 'sparse/index', { world, region: 'eu' });
    const [child, absent] = [image('sparse-child'), image('sparse-absent')];
    const whole = index([child, absent]);
    await push(us, 'sparse/index', ['1'], whole);
    expect(ownedOf(us, 'sparse/index', whole)).toEqual([false, false]);
    expect(await codeOf(resolve(us, 'sparse/index', child.descriptor.digest))).toBe('MANIFEST_UNKNOWN');

    await push(eu, 'sparse/index', [], child);
    await until('the child is owned', () => ownedOf(us, 'sparse/index', whole)[0] === true);
    expect(ownedOf(us, 'sparse/index', whole)).toEqual([true, false]);
    const closure = us.view.closure(parseRepositoryName('sparse/index'), [
      parseDigest(whole.descriptor.digest),
    ]);
    expect(closure.map(({ digest }) => digest)).toEqual(
      expect.arrayContaining(child.blobs.map(({ digest }) => digest)),
    );
  });

  it('finds what nobody told of, in the region that holds it', async () => {
    const world = newWorld();
    const us = await open(subject(), 'sparse/sweep', { world });
    const app = image('sparse-sweep');
    await publishAlone(us, 'sparse/sweep', '1', app);
    const eu = await open(subject(), 'sparse/sweep', { world, region: 'eu', settings: SWEPT });
    upload(eu, 'sparse/sweep', app);
    await until('all are owned', () => ownedOf(us, 'sparse/sweep', app).every(Boolean));
  });

  it('finds what was uploaded before a crash when it starts again', async () => {
    const us = await open(subject(), 'sparse/crash');
    const app = image('sparse-crash');
    await publishAlone(us, 'sparse/crash', '1', app);
    await us.stop();
    upload(us, 'sparse/crash', app);
    const again = await open(subject(), 'sparse/crash', { world: us.world, dataDir: us.dataDir });
    await until('all are owned', () => ownedOf(again, 'sparse/crash', app).every(Boolean));
  });

  it('finds what arrived elsewhere while the manifest was being pushed', async () => {
    const world = newWorld();
    const us = await open(subject(), 'sparse/race', { world });
    const eu = await open(subject(), 'sparse/race', { world, region: 'eu' });
    const app = image('sparse-race');
    world.afterHold = () => {
      world.afterHold = () => undefined;
      upload(eu, 'sparse/race', app);
    };
    await publishAlone(us, 'sparse/race', '1', app);
    await until('all are owned', () => ownedOf(us, 'sparse/race', app).every(Boolean));
  });

  it('leaves what has another size as it is', async () => {
    const us = await open(subject(), 'sparse/size', { settings: SWEPT });
    const child = image('sparse-size');
    const wrong = { ...child, descriptor: { ...child.descriptor, size: child.descriptor.size + 1 } };
    const right = image('sparse-size-right');
    const whole = index([wrong, right]);
    await push(us, 'sparse/size', ['1'], whole);
    await push(us, 'sparse/size', [], child);
    await push(us, 'sparse/size', [], right);
    await until('the right one is owned', () => ownedOf(us, 'sparse/size', whole)[1] === true);
    expect(ownedOf(us, 'sparse/size', whole)).toEqual([false, true]);
  });

  it('takes the push while a region that may have a blob is away, and owns the blob when it is back', async () => {
    const world = newWorld();
    const us = await open(subject(), 'sparse/away', { world });
    const eu = await open(subject(), 'sparse/away', { world, region: 'eu', settings: SWEPT });
    const app = image('sparse-away');
    upload(eu, 'sparse/away', app);
    world.unreachable.add('eu');
    world.storages.us.publish('sparse/away', app.descriptor.digest, app.bytes);
    await publish(us, 'sparse/away', ['1'], app);
    expect(ownedOf(us, 'sparse/away', app)).toEqual([false, false, false]);
    world.unreachable.clear();
    await until('all are owned', () => ownedOf(us, 'sparse/away', app).every(Boolean));
  });

  it('owns nothing that is not on disk in as many regions as a push asks for', async () => {
    const us = await open(subject(), 'sparse/durable', { settings: SWEPT });
    const app = image('sparse-durable');
    await publishAlone(us, 'sparse/durable', '1', app);
    us.world.unreachable.add('eu').add('ap');
    upload(us, 'sparse/durable', app);
    const { holds } = us.world;
    await until('it was tried', () => us.world.holds >= holds + 3);
    expect(ownedOf(us, 'sparse/durable', app)).toEqual([false, false, false]);
    us.world.unreachable.clear();
    await until('all are owned', () => ownedOf(us, 'sparse/durable', app).every(Boolean));
  });

  it('does not own a child that is deleted meanwhile', async () => {
    const us = await open(subject(), 'sparse/deleted');
    const [child, kept] = [image('sparse-deleted'), image('sparse-kept')];
    const whole = index([child, kept]);
    await push(us, 'sparse/deleted', ['1'], whole);
    us.world.holds = 0;
    us.world.afterHold = async () => {
      // The first is the push's own, the second has the index about to own the child.
      if (us.world.holds === 2) await deleteManifest(us, 'sparse/deleted', child.descriptor.digest);
    };
    await push(us, 'sparse/deleted', [], child);
    const name = parseRepositoryName('sparse/deleted');
    const isThere = () => us.view.manifest(name, parseDigest(child.descriptor.digest)) !== undefined;
    await until('it was deleted', () => us.world.holds >= 2 && !isThere());
    await push(us, 'sparse/deleted', [], kept);
    await until('the other child is owned', () => ownedOf(us, 'sparse/deleted', whole)[1] === true);
    expect(ownedOf(us, 'sparse/deleted', whole)).toEqual([false, true]);
  });
});
