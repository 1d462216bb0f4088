import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  blobOf,
  live,
  openStorageOver,
  put,
  removeDirectory,
  someBytes,
  transports,
  valve,
  type StorageUnderTest,
} from './harness.ts';

const WEEK_MS = 7 * 24 * 60 * 60 * 1000;

describe.each(transports)('pins of a storage called %s', (transport) => {
  let service: StorageUnderTest;
  let now = Date.parse('2026-01-01T00:00:00Z');
  let seed = 1000;

  beforeAll(async () => {
    service = await openStorageOver(transport, { clock: () => now });
  });
  afterAll(async () => {
    await service.stop();
    await removeDirectory(service.dataDir);
  });

  const newBlob = () => {
    const bytes = someBytes(1000, (seed += 1));
    return { bytes, ...blobOf(bytes) };
  };
  const find = async (repository: string, digest: string) => {
    const { blobs, givenUp } = await service.storage.pins({ repository, digests: [digest] }, live);
    return { pinned: blobs.map((found) => found.digest), givenUp };
  };
  const unpin = async (repository: string, ...digests: string[]) =>
    (await service.storage.unpin({ repository, digests }, live)).digests;
  const hold = (repository: string, { digest, size }: { digest: string; size: number }) =>
    service.storage.hold(
      { pushId: 'p', repository, blobs: [{ digest, size }], epoch: 0, unlessGivenUp: false },
      live,
    );

  it('end when the repository gives the blob up, which keeps its bytes and the pins of others', async () => {
    const { bytes, digest, size } = newBlob();
    await put(service.storage, 'a/b', bytes);
    await put(service.storage, 'a/c', bytes);
    expect(await unpin('a/b', digest)).toEqual([digest]);
    expect(await find('a/b', digest)).toEqual({ pinned: [], givenUp: [digest] });
    expect(await find('a/c', digest)).toEqual({ pinned: [digest], givenUp: [] });
    expect((await service.storage.stat({ digests: [digest] }, live)).blobs).toMatchObject([{ size }]);
    expect(await unpin('a/b', digest)).toEqual([]);
  });

  it('come back with an upload, a put or a hold', async () => {
    const blob = newBlob();
    const again: Record<string, () => Promise<unknown>> = {
      put: () => put(service.storage, 'a/b', blob.bytes),
      hold: () => hold('a/b', blob),
      upload: async () => {
        const { id } = await service.uploads.create({ repository: 'a/b', algorithm: '' }, live);
        const target = { id, repository: 'a/b', offset: -1 };
        const messages = (async function* () {
          yield { target };
          yield { data: blob.bytes };
        })();
        await service.uploads.write(messages, live);
        await service.uploads.finish({ id, repository: 'a/b', digest: blob.digest }, live);
      },
    };
    await put(service.storage, 'a/b', blob.bytes);
    for (const [name, take] of Object.entries(again)) {
      await unpin('a/b', blob.digest);
      await take();
      expect(await find('a/b', blob.digest), name).toEqual({ pinned: [blob.digest], givenUp: [] });
    }
  });

  it('do not come back with a copy from another region that was under way', async () => {
    const { bytes, digest, size } = newBlob();
    const arriving = valve({ repository: 'a/b', digest, size });
    const ingested = service.storage.ingest(arriving.messages, live);
    arriving.give(bytes.subarray(0, 500));
    expect(await unpin('a/b', digest)).toEqual([]);
    arriving.give(bytes.subarray(500));
    arriving.end();
    await ingested;
    expect(await find('a/b', digest)).toEqual({ pinned: [], givenUp: [digest] });
    // Nor with one that begins later, when the blob is here already.
    const late = valve({ repository: 'a/b', digest, size });
    late.end();
    await service.storage.ingest(late.messages, live);
    expect((await find('a/b', digest)).pinned).toEqual([]);
  });

  it('do not make a finish that is repeated succeed once they were given up', async () => {
    const { bytes, digest } = newBlob();
    const { id } = await service.uploads.create({ repository: 'a/b', algorithm: '' }, live);
    const target = { id, repository: 'a/b', offset: -1 };
    const messages = (async function* () {
      yield { target };
      yield { data: bytes };
    })();
    await service.uploads.write(messages, live);
    const finish = () => service.uploads.finish({ id, repository: 'a/b', digest }, live);
    await finish();
    await finish();
    await unpin('a/b', digest);
    await expect(finish()).rejects.toMatchObject({ code: 'BLOB_UPLOAD_UNKNOWN' });
  });

  it('tell which repositories have a blob, by name, as many as are wanted', async () => {
    const blob = newBlob();
    const owners = async (limit = 10) => service.storage.pinOwners({ digest: blob.digest, limit }, live);
    expect(await owners()).toMatchObject({ repositories: [], size: 0 });
    for (const name of ['a/z', 'a/y', 'a/x']) await put(service.storage, name, blob.bytes);
    expect(await owners()).toMatchObject({ repositories: ['a/x', 'a/y', 'a/z'], size: blob.size });
    expect(await owners(2)).toMatchObject({ repositories: ['a/x', 'a/y'] });
    await unpin('a/x', blob.digest);
    expect((await owners()).repositories).toEqual(['a/y', 'a/z']);
    now += WEEK_MS + 1;
    expect(await owners()).toMatchObject({ repositories: [], size: 0 });
  });

  it('stay given up after a restart', async () => {
    const { bytes, digest } = newBlob();
    await put(service.storage, 'a/b', bytes);
    await unpin('a/b', digest);
    await service.stop();
    service = await openStorageOver(transport, { clock: () => now, dataDir: service.dataDir });
    expect(await find('a/b', digest)).toEqual({ pinned: [], givenUp: [digest] });
  });
});
