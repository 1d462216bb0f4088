import { existsSync } from 'node:fs';
import { mkdtemp, readdir, rename, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { digestOf } from '#libs/oci/digest.ts';
import { openStorage } from '#services/storage/service.ts';
import { defaultStorageSettings } from '#services/storage/settings.ts';
import {
  blobOf,
  eventually,
  live,
  openStorageOver,
  parts,
  put,
  read,
  removeDirectory,
  someBytes,
  type StorageUnderTest,
} from '../../contract/storage/harness.ts';

const repository = 'a/b';
let dataDir: string;
let service: StorageUnderTest;

beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'meridian-storage-'));
  service = await openStorageOver('in process', { dataDir });
});
afterEach(async () => {
  await service.stop();
  await removeDirectory(dataDir);
});

async function restart(between: () => Promise<void> = async () => undefined): Promise<void> {
  await service.stop();
  await between();
  service = await openStorageOver('in process', { dataDir });
}

async function upload(bytes: Buffer): Promise<string> {
  const { id } = await service.uploads.create({ repository, algorithm: '' }, live);
  await service.uploads.write(parts({ target: { id, repository, offset: 0 } }, bytes), live);
  return id;
}

async function offsetOf(id: string): Promise<number> {
  return (await service.uploads.stat({ id, repository, offset: -1 }, live)).offset;
}

it('blobs, pins and figures are there after a restart', async () => {
  const blob = await put(service.storage, repository, someBytes(1000));
  await restart();
  await eventually(() => service.storage.stats({}, live)).toMatchObject({
    blobs: 1,
    bytes: 1000,
    uploads: 0,
  });
  expect(await service.storage.pins({ repository, digests: [blob.digest] }, live)).toEqual({
    blobs: [blob],
    givenUp: [],
  });
  expect((await read(service.storage, blob.digest)).equals(someBytes(1000))).toBe(true);
});

it('an upload goes on after a restart, under the same id and with a hash of all its bytes', async () => {
  const bytes = someBytes(3_000_000);
  const id = await upload(bytes.subarray(0, 2_000_000));
  await restart();
  expect(await offsetOf(id)).toBe(2_000_000);
  const target = { id, repository, offset: 2_000_000 };
  await service.uploads.write(parts({ target }, bytes.subarray(2_000_000)), live);
  const { digest } = await service.uploads.finish({ id, repository, digest: digestOf(bytes) }, live);
  expect((await read(service.storage, digest)).equals(bytes)).toBe(true);
});

it('bytes of an upload that were never acknowledged are cut off before more are taken', async () => {
  const bytes = someBytes(2000);
  const id = await upload(bytes.subarray(0, 1000));
  await restart(() => truncate(join(dataDir, 'uploads', id), 5000));
  expect(await offsetOf(id)).toBe(1000);
  const target = { id, repository, offset: -1 };
  await service.uploads.write(parts({ target }, bytes.subarray(1000)), live);
  await service.uploads.finish({ id, repository, digest: digestOf(bytes) }, live);
});

it('an upload that was published just before a crash is answered by its blob', async () => {
  const bytes = someBytes(1000);
  const { digest } = blobOf(bytes);
  const id = await upload(bytes);
  await put(service.storage, repository, bytes);
  const { path } = await service.storage.locate({ digest }, live);
  await restart(() => rename(join(dataDir, 'uploads', id), path));
  await expect(offsetOf(id)).rejects.toMatchObject({ code: 'BLOB_UPLOAD_UNKNOWN' });
  expect(await service.uploads.finish({ id, repository, digest }, live)).toEqual({ digest, size: 1000 });
});

it('what a crash left of ingests and of uploads that ended is removed', async () => {
  await restart(async () => {
    await writeFile(join(dataDir, 'ingests', 'left'), 'over');
    await writeFile(join(dataDir, 'uploads', 'eu.left.over'), 'over');
  });
  expect(await readdir(join(dataDir, 'ingests'))).toEqual([]);
  expect(await readdir(join(dataDir, 'uploads'))).toEqual([]);
});

it('a stop aborts what does not end in its grace, and keeps what came', async () => {
  const { id } = await service.uploads.create({ repository, algorithm: '' }, live);
  const begun = Promise.withResolvers<undefined>();
  const writing = service.uploads.write(
    (async function* () {
      yield* parts({ target: { id, repository, offset: 0 } }, someBytes(100_000));
      begun.resolve(undefined);
      await new Promise(() => undefined);
    })(),
    live,
  );
  writing.catch(() => undefined);
  await begun.promise;
  await restart();
  await expect(writing).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  expect(await offsetOf(id)).toBe(100_000);
});

it('a data directory has one owner at a time', async () => {
  const settings = { ...defaultStorageSettings, ownerLockWaitMs: 0 };
  const second = openStorage({ dataDir, region: 'eu', settings });
  await expect(second).rejects.toThrow(`${dataDir} is in use by another storage process`);
  await service.stop();
  service = await openStorageOver('in process', { dataDir });
  expect(existsSync(join(dataDir, 'owner.sqlite'))).toBe(true);
});
