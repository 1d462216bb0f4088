import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { digestOf } from '#libs/oci/digest.ts';
import {
  blobOf,
  live,
  openStorageOver,
  parts,
  put,
  read,
  removeDirectory,
  someBytes,
  transports,
  type StorageUnderTest,
} from './harness.ts';

const KIB = 1024;
const WEEK_MS = 7 * 24 * 60 * 60 * 1000;

describe.each(transports)('blobs of a storage called %s', (transport) => {
  let service: StorageUnderTest;
  let now = Date.parse('2026-01-01T00:00:00Z');

  beforeAll(async () => {
    service = await openStorageOver(transport, { clock: () => now, settings: { readChunkBytes: 64 * KIB } });
  });
  afterAll(async () => {
    await service.stop();
    await removeDirectory(service.dataDir);
  });

  describe('Put', () => {
    it('stores bytes that can be read back, and again, by any algorithm', async () => {
      const bytes = someBytes(200 * KIB, 2);
      for (const digest of [digestOf(bytes), digestOf(bytes, 'sha512')]) {
        for (let time = 0; time < 2; time++) {
          const header = { repository: 'a/b', digest, size: bytes.length };
          expect(await service.storage.put(parts({ header }, bytes), live)).toMatchObject({
            digest,
            size: bytes.length,
          });
        }
        expect((await read(service.storage, digest)).equals(bytes)).toBe(true);
      }
    });

    it('stores a blob without bytes', async () => {
      const { digest } = await put(service.storage, 'a/b', Buffer.alloc(0));
      expect(await read(service.storage, digest)).toHaveLength(0);
      expect(await service.storage.stat({ digests: [digest] }, live)).toMatchObject({ blobs: [{ size: 0 }] });
    });

    it('stores one blob when many send it at once', async () => {
      const bytes = someBytes(10 * KIB, 3);
      const before = await service.storage.stats({}, live);
      await Promise.all(Array.from({ length: 8 }, () => put(service.storage, 'a/b', bytes)));
      const after = await service.storage.stats({}, live);
      expect(after.blobs).toBe(before.blobs + 1);
      expect(after.bytes).toBe(before.bytes + bytes.length);
    });

    it.each([
      ['another digest', 'DIGEST_INVALID', 100, digestOf(Buffer.from('other'))],
      ['fewer bytes', 'SIZE_INVALID', 101, undefined],
      ['more bytes', 'SIZE_INVALID', 99, undefined],
      ['too many bytes', 'TOO_LARGE', 9 * KIB * KIB, undefined],
    ])('leaves nothing of content with %s than said', async (_, code, size, digest) => {
      const bytes = someBytes(100, 4);
      const header = { repository: 'a/b', digest: digest ?? digestOf(bytes), size };
      await expect(service.storage.put(parts({ header }, bytes), live)).rejects.toMatchObject({ code });
      expect(await service.storage.stat({ digests: [header.digest] }, live)).toMatchObject({ blobs: [] });
      expect(await readdir(join(service.dataDir, 'ingests'))).toEqual([]);
    });
  });

  describe('Read', () => {
    const bytes = someBytes(300 * KIB + 7, 5);
    const { digest, size } = blobOf(bytes);
    beforeAll(async () => {
      await put(service.storage, 'a/b', bytes);
    });

    it.each([
      [0, 1],
      [1, 64 * KIB],
      [64 * KIB - 1, 3],
      [size - 1, 1],
      [size - 10, 100],
      [17, 0],
      [size, 0],
    ])('gives the bytes from %d, %d of them', async (offset, length) => {
      const expected = bytes.subarray(offset, length === 0 ? size : offset + length);
      expect((await read(service.storage, digest, { offset, length })).equals(expected)).toBe(true);
    });

    it.each([
      [size + 1, 0],
      [-1, 0],
      [0, -1],
    ])('refuses the range from %d, %d long', async (offset, length) => {
      const reading = read(service.storage, digest, { offset, length });
      await expect(reading).rejects.toMatchObject({ code: 'RANGE_INVALID', detail: { size } });
    });

    it('refuses what is not held and what is no digest', async () => {
      await expect(read(service.storage, digestOf(Buffer.from('absent')))).rejects.toMatchObject({
        code: 'BLOB_UNKNOWN',
      });
      await expect(read(service.storage, 'sha256:../../owner.sqlite')).rejects.toMatchObject({
        code: 'DIGEST_INVALID',
      });
    });

    it('lets a reader leave', async () => {
      for await (const { data } of service.storage.read({ digest, offset: 0, length: 0 }, live)) {
        // Small at first, so that it is there early.
        expect(data.length).toBe(32 * KIB);
        break;
      }
      expect((await read(service.storage, digest)).equals(bytes)).toBe(true);
    });
  });

  it('says where a held blob lies, and nothing of others', async () => {
    const bytes = someBytes(1000, 6);
    const { digest } = await put(service.storage, 'a/b', bytes);
    const location = await service.storage.locate({ digest }, live);
    expect(location).toMatchObject({ url: '', size: 1000 });
    expect((await stat(location.path)).size).toBe(1000);
    const absent = service.storage.locate({ digest: digestOf(Buffer.from('absent')) }, live);
    await expect(absent).rejects.toMatchObject({ code: 'BLOB_UNKNOWN' });
  });

  it('lists every blob once, with its size', async () => {
    const put100 = await Promise.all(
      Array.from({ length: 100 }, (_, index) => put(service.storage, '', someBytes(index + 1, 1000 + index))),
    );
    const listed = new Map<string, number>();
    for await (const { digest, size } of service.storage.list({}, live)) {
      expect(listed.has(digest)).toBe(false);
      listed.set(digest, size);
    }
    for (const { digest, size } of put100) expect(listed.get(digest)).toBe(size);
    const stats = await service.storage.stats({}, live);
    expect(stats.blobs).toBe(listed.size);
    expect(stats.bytes).toBe([...listed.values()].reduce((sum, size) => sum + size, 0));
    expect(stats.freeBytes).toBeGreaterThan(0);
  });

  describe('pins', () => {
    const pinned = async (repository: string, ...digests: string[]): Promise<string[]> => {
      const { blobs } = await service.storage.pins({ repository, digests }, live);
      return blobs.map(({ digest }) => digest);
    };

    it('belong to the repository that stored the blob, until they expire', async () => {
      const { digest } = await put(service.storage, 'pins/one', someBytes(50, 7));
      expect(await pinned('pins/one', digest)).toEqual([digest]);
      expect(await pinned('pins/two', digest)).toEqual([]);
      now += WEEK_MS - 1;
      expect(await pinned('pins/one', digest)).toEqual([digest]);
      now += 1;
      expect(await pinned('pins/one', digest)).toEqual([]);
      await put(service.storage, 'pins/one', someBytes(50, 7));
      expect(await pinned('pins/one', digest)).toEqual([digest]);
    });

    it('are made by Hold for what is held with its size, and the rest is named', async () => {
      const one = await put(service.storage, '', someBytes(51, 8));
      const two = await put(service.storage, '', someBytes(52, 9));
      const absent = blobOf(Buffer.from('absent'));
      expect(await pinned('pins/held', one.digest, two.digest)).toEqual([]);
      const held = await service.storage.hold(
        {
          pushId: 'push',
          repository: 'pins/held',
          blobs: [one, one, { ...two, size: 1 }, absent],
          epoch: 0,
          unlessGivenUp: false,
        },
        live,
      );
      expect(held).toEqual({ epoch: 0, missing: [two.digest, absent.digest] });
      expect(await pinned('pins/held', one.digest, two.digest, absent.digest)).toEqual([one.digest]);
    });

    it('hold for thousands of blobs in one call', async () => {
      const blobs = Array.from({ length: 4000 }, (_, index) => blobOf(Buffer.from(`absent ${index}`)));
      const held = await put(service.storage, '', someBytes(53, 10));
      const { missing } = await service.storage.hold(
        { pushId: 'push', repository: 'pins/many', blobs: [...blobs, held], epoch: 0, unlessGivenUp: false },
        live,
      );
      expect(missing).toHaveLength(4000);
      expect(await pinned('pins/many', ...blobs.map(({ digest }) => digest), held.digest)).toEqual([
        held.digest,
      ]);
    });
  });
});
