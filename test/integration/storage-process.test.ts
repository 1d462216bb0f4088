import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startStorageProcess, type StorageProcess } from '#test/support/storage-process.ts';

const MIB = 1024 * 1024;
const LARGE_BYTES = 300 * MIB;
/** What passing a large blob in, on and out may cost beyond an idle process. Half of the blob held anywhere would break it. */
const MAX_GROWTH_BYTES = 130 * MIB;

const live = { signal: new AbortController().signal };
let dataDir: string;
let service: StorageProcess;

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'meridian-process-'));
  service = await startStorageProcess(dataDir);
});
afterAll(async () => {
  await service.kill();
  await rm(dataDir, { recursive: true });
});

it('passes a large blob in and out with little memory, slow readers or not', async () => {
  const piece = Buffer.alloc(MIB, 'large');
  const hash = createHash('sha256');
  for (let sent = 0; sent < LARGE_BYTES; sent += piece.length) hash.update(piece);
  const digest = `sha256:${hash.digest('hex')}`;
  const before = await service.peakMemoryBytes();

  const { id } = await service.uploads.create({ repository: 'a/b', algorithm: '' }, live);
  await service.uploads.write(large({ target: { id, repository: 'a/b', offset: 0 } }, piece), live);
  expect(await service.uploads.finish({ id, repository: 'a/b', digest }, live)).toEqual({
    digest,
    size: LARGE_BYTES,
  });

  const request = { digest, offset: 0, length: 0 };
  const stuck = service.storage.read(request, live)[Symbol.asyncIterator]();
  await stuck.next();
  let received = 0;
  for await (const { data } of service.storage.read(request, live)) received += data.length;
  expect(received).toBe(LARGE_BYTES);
  await stuck.return?.();

  expect((await service.peakMemoryBytes()) - before).toBeLessThan(MAX_GROWTH_BYTES);
});

it('refuses a data directory that another process owns, in a sentence', async () => {
  await expect(startStorageProcess(dataDir)).rejects.toThrow(
    /ended with 1: storage: .* is in use by another storage process\. Stop that one, or choose another directory\./,
  );
});

it('refuses a configuration that is wrong, naming what', async () => {
  await expect(startStorageProcess(dataDir, { MERIDIAN_MAX_UPLOAD_BYTES: 'lots' })).rejects.toThrow(
    /ended with 1: .*MERIDIAN_MAX_UPLOAD_BYTES must be a whole number of bytes, or 0 for no limit/s,
  );
});

it('ends cleanly when it is asked to, and its data is free for the next', async () => {
  const other = await mkdtemp(join(tmpdir(), 'meridian-process-'));
  const asked = await startStorageProcess(other);
  expect(await asked.storage.stats({}, live)).toMatchObject({ blobs: 0, uploads: 0 });
  expect(await asked.stop()).toBe(0);
  const again = await startStorageProcess(other);
  expect(await again.stop()).toBe(0);
  await rm(other, { recursive: true });
});

async function* large<T extends object>(
  first: T,
  piece: Buffer,
): AsyncGenerator<T | { data: Buffer }, void, undefined> {
  yield first;
  for (let sent = 0; sent < LARGE_BYTES; sent += piece.length) yield { data: piece };
}
