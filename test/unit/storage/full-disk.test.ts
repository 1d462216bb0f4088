import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { digestOf } from '#libs/oci/digest.ts';
import { openSmallDisk, type SmallDisk } from '#test/support/small-disk.ts';
import {
  blobOf,
  live,
  openStorageOver,
  parts,
  put,
  read,
  removeDirectory,
  someBytes,
  type StorageUnderTest,
} from '../../contract/storage/harness.ts';

const KIB = 1024;
const repository = 'a/b';
const disk: SmallDisk = { freeBytes: Infinity, syncs: true };
const faults: unknown[] = [];
let service: StorageUnderTest;

beforeAll(async () => {
  service = await openStorageOver('in process', {
    openDriver: (layout) => openSmallDisk(layout, disk),
    onFault: (error) => faults.push(error),
  });
});
afterAll(async () => {
  await service.stop();
  await removeDirectory(service.dataDir);
});
beforeEach(() => {
  disk.freeBytes = Infinity;
  disk.syncs = true;
  disk.publishes = true;
  faults.length = 0;
});

async function openUpload(): Promise<string> {
  return (await service.uploads.create({ repository, algorithm: '' }, live)).id;
}

function write(id: string, bytes: Buffer, offset: number) {
  return service.uploads.write(parts({ target: { id, repository, offset } }, bytes), live);
}

it.each([
  [200, 120],
  [500, 300],
  [5_000, 3_000],
])(
  'an upload of %d KiB that meets a full disk keeps what fitted, says so, and goes on once there is room',
  async (size, fits) => {
    const bytes = someBytes(size * KIB, 1);
    const id = await openUpload();
    disk.freeBytes = fits * KIB + 5;
    await expect(write(id, bytes, 0)).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      message: expect.stringContaining('region eu is out of space') as string,
    });
    expect(faults).toMatchObject([{ code: 'ENOSPC' }]);
    const { offset } = await service.uploads.stat({ id, repository, offset: -1 }, live);
    expect(offset).toBe(fits * KIB + 5);

    disk.freeBytes = Infinity;
    await write(id, bytes.subarray(offset), offset);
    const { digest } = await service.uploads.finish({ id, repository, digest: digestOf(bytes) }, live);
    expect((await read(service.storage, digest)).equals(bytes)).toBe(true);
  },
);

it('an upload whose bytes can not be synced counts none of them', async () => {
  const bytes = someBytes(100 * KIB, 2);
  const id = await openUpload();
  await write(id, bytes.subarray(0, 50 * KIB), 0);
  disk.syncs = false;
  await expect(write(id, bytes.subarray(50 * KIB), 50 * KIB)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  disk.syncs = true;
  const { offset } = await service.uploads.stat({ id, repository, offset: -1 }, live);
  expect(offset).toBe(50 * KIB);
  await write(id, bytes.subarray(offset), offset);
  await service.uploads.finish({ id, repository, digest: digestOf(bytes) }, live);
});

it('an upload whose end failed after its bytes had become a blob can be finished again', async () => {
  const bytes = someBytes(100 * KIB, 4);
  const id = await openUpload();
  await write(id, bytes, 0);
  const finish = () => service.uploads.finish({ id, repository, digest: digestOf(bytes) }, live);
  disk.publishes = false;
  await expect(finish()).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  disk.publishes = true;
  const { digest } = await finish();
  expect((await read(service.storage, digest)).equals(bytes)).toBe(true);
  expect(await service.storage.stats({}, live)).toMatchObject({ uploads: 0 });
});

it('Put and Ingest leave nothing on a full disk, and reset readers', async () => {
  const bytes = someBytes(200 * KIB, 3);
  const header = { repository, ...blobOf(bytes) };
  disk.freeBytes = 100 * KIB;
  await expect(put(service.storage, repository, bytes)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  disk.freeBytes = 100 * KIB;
  const ingest = service.storage.ingest(parts({ header }, bytes), live);
  const reader = read(service.storage, header.digest);
  await expect(ingest).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  await expect(reader).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  expect(await service.storage.stat({ digests: [header.digest] }, live)).toEqual({ blobs: [] });
  expect(await readdir(join(service.dataDir, 'ingests'))).toEqual([]);
});
