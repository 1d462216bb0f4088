import { expect, it } from 'vitest';
import { describeStores, type Subject } from '#test/contract/etcd/stores.ts';
import { codeOf, digestOfTag } from './asks.ts';
import { image, publish, upload, type TestImage } from './images.ts';
import { openRegion, type TestRegion } from './regions.ts';

/** A region with the content of an image. `reads` gets what is read of its storage before that is to be held, which copies it. */
async function withContent(
  { client }: Subject,
  repository: string,
): Promise<{ us: TestRegion; app: TestImage; reads: string[] }> {
  const us = await openRegion({ etcd: client, client });
  const app = image(repository);
  upload(us, repository, app);
  const { storage } = us.world.storages.us;
  const reads: string[] = [];
  const { read } = storage;
  Object.assign(storage, {
    read: (...[request, context]: Parameters<typeof read>) => {
      if (us.world.holds === 0) reads.push(request.digest);
      return read(request, context);
    },
  });
  return { us, app, reads };
}

describeStores((subject) => {
  it('takes a manifest from the bytes that come along with its push', async () => {
    const { us, app, reads } = await withContent(subject(), 'along/given');
    await publish(us, 'along/given', ['1'], app, { content: app.bytes });
    expect(reads).toEqual([]);
    expect(await digestOfTag(us, 'along/given', '1')).toBe(app.descriptor.digest);
  });

  it('reads the manifest from storage where no bytes come along', async () => {
    const { us, app, reads } = await withContent(subject(), 'along/read');
    await publish(us, 'along/read', ['1'], app);
    expect(reads).toEqual([app.descriptor.digest]);
    expect(await digestOfTag(us, 'along/read', '1')).toBe(app.descriptor.digest);
  });

  it('publishes nothing where other bytes come along, or another number of them than was said', async () => {
    const { us, app } = await withContent(subject(), 'along/other');
    const content = image('along/another').bytes;
    expect(await codeOf(publish(us, 'along/other', ['1'], app, { content }))).toBe('DIGEST_INVALID');
    const manifest = { ...app.descriptor, size: app.bytes.length + 1 };
    const more = { content: app.bytes, manifest };
    expect(await codeOf(publish(us, 'along/other', ['1'], app, more))).toBe('SIZE_INVALID');
    expect(us.events).toEqual([]);
  });
});
