import { expect, it } from 'vitest';
import { digestOf, parseDigest } from '#libs/oci/digest.ts';
import { parseRepositoryName } from '#libs/oci/name.ts';
import { HEAD_KEY } from '#services/replication/catalog/keys.ts';
import { pushedLatelyTo } from '#services/replication/pushed-lately.ts';
import { describeStores, type Subject } from '#test/contract/etcd/stores.ts';
import { codeOf, deleteTag, digestOfTag, errorOf, findBlob, listTags, resolve, until } from './asks.ts';
import { configure } from './configure.ts';
import { gatedStore, type GatedStore } from './gated-store.ts';
import { image, push } from './images.ts';
import { newWorld, openRegion, type TestRegion } from './regions.ts';

/** Two regions; what `eu` hears of the catalog can be held back. */
async function openTwo(
  { client }: Subject,
  barrierTimeoutMs = 10_000,
): Promise<{ us: TestRegion; eu: TestRegion; gate: GatedStore }> {
  const world = newWorld();
  const gate = gatedStore(client);
  const settings = { barrierTimeoutMs, maxStuckMs: 60_000 };
  const us = await openRegion({ etcd: client, client, world });
  const eu = await openRegion({ etcd: gate, client, world, region: 'eu', settings });
  return { us, eu, gate };
}

describeStores((subject) => {
  it('finds a tag pushed elsewhere at once, although the watch is late', async () => {
    const { us, eu, gate } = await openTwo(subject());
    const app = image('read-late');
    gate.holdWatches();
    await push(us, 'read/late', ['1'], app);
    const found = digestOfTag(eu, 'read/late', '1');
    await until('eu asks for the head', () => gate.ranges.some(({ key }) => key === HEAD_KEY));
    gate.releaseWatches();
    expect(await found).toBe(app.descriptor.digest);
  });

  it('knows in another region where content was pushed a moment ago, and forgets it soon', async () => {
    const { us, eu } = await openTwo(subject());
    const app = image('read-lately');
    await push(us, 'read/lately', ['1'], app);
    await resolve(eu, 'read/lately', '1');
    const repository = parseRepositoryName('read/lately');
    for (const { digest: text } of [app.descriptor, ...app.blobs]) {
      const digest = parseDigest(text);
      expect(pushedLatelyTo(eu.view, repository, digest, Date.now())).toBe('us');
      expect(pushedLatelyTo(eu.view, repository, digest, Date.now() + 3_600_000)).toBeUndefined();
    }
    expect(pushedLatelyTo(eu.view, repository, digestOf(Buffer.from('nothing')), Date.now())).toBeUndefined();
  });

  it('says 503 rather than 404 while the view can not get to the head', async () => {
    const { us, eu, gate } = await openTwo(subject(), 500);
    gate.holdWatches();
    await push(us, 'read/stuck', ['1'], image('read-stuck'));
    const refused = await errorOf(resolve(eu, 'read/stuck', '1'));
    expect(refused.code).toBe('UNAVAILABLE');
    expect(refused.retryAfterSeconds).toBeGreaterThan(0);
    gate.releaseWatches();
    await until('eu is level', () => eu.view.position().revision >= us.view.position().revision);
    expect((await resolve(eu, 'read/stuck', '1')).manifest).not.toBeNull();
  });

  it('answers 404 for what is nowhere', async () => {
    const { us } = await openTwo(subject());
    await push(us, 'read/some', ['1'], image('read-some'));
    const digest = digestOf(Buffer.from('nothing'));
    expect(await codeOf(resolve(us, 'read/some', '2'))).toBe('MANIFEST_UNKNOWN');
    expect(await codeOf(resolve(us, 'read/some', digest))).toBe('MANIFEST_UNKNOWN');
    expect(await codeOf(resolve(us, 'read/none', '1'))).toBe('MANIFEST_UNKNOWN');
    expect(await codeOf(findBlob(us, 'read/some', digest))).toBe('BLOB_UNKNOWN');
    expect(await codeOf(listTags(us, 'read/none'))).toBe('NAME_UNKNOWN');
    expect(await codeOf(resolve(us, 'Not a name', '1'))).toBe('NAME_INVALID');
  });

  it('answers a hundred absent tags with a few reads of the head', async () => {
    const { client } = subject();
    const gate = gatedStore(client);
    // So that the reads counted are the barriers' alone.
    const us = await openRegion({ etcd: gate, client, settings: { headEveryMs: 60_000 } });
    gate.ranges.length = 0;
    const codes = await Promise.all(
      Array.from({ length: 100 }, (_, i) => codeOf(resolve(us, 'read/storm', `absent-${i}`))),
    );
    expect(new Set(codes)).toEqual(new Set(['MANIFEST_UNKNOWN']));
    expect(gate.ranges.filter(({ key }) => key === HEAD_KEY).length).toBeLessThanOrEqual(3);
  });

  it('shows a moved tag where the reader brings the revision that the push returned', async () => {
    const { us, eu, gate } = await openTwo(subject());
    const [before, after] = [image('read-before'), image('read-after')];
    const first = await push(us, 'read/moved', ['1'], before);
    await until('eu has it', () => eu.view.position().revision >= (first.position?.revision ?? Infinity));
    gate.holdWatches();
    const { position } = await push(us, 'read/moved', ['1'], after);
    expect(await digestOfTag(eu, 'read/moved', '1')).toBe(before.descriptor.digest);

    const freshness = {
      strong: false,
      catalogId: position?.catalogId ?? '',
      minRevision: position?.revision ?? 0,
    };
    const newest = resolve(eu, 'read/moved', '1', freshness);
    const strong = resolve(eu, 'read/moved', '1', { strong: true, catalogId: '', minRevision: 0 });
    gate.releaseWatches();
    for (const { manifest, position: at } of await Promise.all([newest, strong])) {
      expect(manifest?.digest).toBe(after.descriptor.digest);
      expect(at?.revision).toBeGreaterThanOrEqual(position?.revision ?? Infinity);
    }
  });

  it('reads a repository that asks for it through the quorum every time', async () => {
    const { us, eu, gate } = await openTwo(subject());
    const [before, after] = [image('strong-before'), image('strong-after')];
    await push(us, 'read/strong', ['1'], before);
    await configure(subject().client, us, 'read/strong', { reads: 'strong' });
    await until('eu knows the setting', () => eu.view.position().revision >= us.view.position().revision);
    gate.holdWatches();
    await push(us, 'read/strong', ['1'], after);
    const read = digestOfTag(eu, 'read/strong', '1');
    gate.releaseWatches();
    expect(await read).toBe(after.descriptor.digest);
  });

  it('refuses a revision that is beyond the head, or of another catalog', async () => {
    const { us } = await openTwo(subject());
    const { position } = await push(us, 'read/future', ['1'], image('read-future'));
    const catalogId = position?.catalogId ?? '';
    const future = { strong: false, catalogId, minRevision: 1_000_000 };
    const other = { strong: false, catalogId: 'another', minRevision: 1 };
    for (const freshness of [future, other, { ...future, strong: true }, { ...other, strong: true }]) {
      expect(await codeOf(resolve(us, 'read/future', '1', freshness))).toBe('PRECONDITION_FAILED');
    }
  });

  it('finds a blob by its pin in another region, and says 503 where a region that may have it is away', async () => {
    const { us, eu } = await openTwo(subject());
    const bytes = Buffer.from('uploaded through eu');
    const digest = digestOf(bytes);
    eu.world.storages.eu.publish('read/pinned', digest, bytes);
    // A cache would not hear of the pin's end.
    const reuse = { never: true };
    expect(await findBlob(us, 'read/pinned', digest)).toMatchObject({ digest, size: bytes.length, reuse });
    us.world.unreachable.add('eu');
    expect(await codeOf(findBlob(us, 'read/pinned', digest))).toBe('UNAVAILABLE');
    // Who can upload it again is not kept waiting for that region.
    expect(await codeOf(findBlob(us, 'read/pinned', digest, true))).toBe('BLOB_UNKNOWN');
  });

  it('hides a repository that is being deleted, and refuses pushes to it', async () => {
    const { us } = await openTwo(subject());
    const app = image('read-deleting');
    await push(us, 'read/deleting', ['1'], app);
    await configure(subject().client, us, 'read/deleting', { state: 'deleting' });
    expect(await codeOf(resolve(us, 'read/deleting', '1'))).toBe('MANIFEST_UNKNOWN');
    expect(await codeOf(listTags(us, 'read/deleting'))).toBe('NAME_UNKNOWN');
    expect(await codeOf(push(us, 'read/deleting', ['2'], app))).toBe('CONFLICT');
  });

  it('shows a deletion in its own region at once', async () => {
    const { us } = await openTwo(subject());
    await push(us, 'read/deleted', ['1', '2'], image('read-deleted'));
    await deleteTag(us, 'read/deleted', '1');
    expect(await codeOf(resolve(us, 'read/deleted', '1'))).toBe('MANIFEST_UNKNOWN');
    expect((await listTags(us, 'read/deleted')).names).toEqual(['2']);
  });
});
