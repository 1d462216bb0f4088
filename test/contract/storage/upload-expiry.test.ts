import { mkdtemp, readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { digestOf } from '#libs/oci/digest.ts';
import {
  eventually,
  live,
  openStorageOver,
  removeDirectory,
  someBytes,
  transports,
  type StorageUnderTest,
} from './harness.ts';
import { uploadCalls } from './upload-calls.ts';

const EXPIRY_MS = 60_000;
const unknown = { code: 'BLOB_UPLOAD_UNKNOWN' };

describe.each(transports)('an upload in a storage called %s', (transport) => {
  let dataDir: string;
  let service: StorageUnderTest;
  let now: number;
  let expired: { uploads: number; bytes: number };
  const { create, write, offsetOf, openWrite, finish } = uploadCalls(() => service, 'team/app');

  async function start(): Promise<void> {
    service = await openStorageOver(transport, {
      dataDir,
      clock: () => now,
      settings: { uploadExpiryMs: EXPIRY_MS, maxSweepPauseMs: 20 },
      onExpired: ({ uploads, bytes }) => {
        expired = { uploads: expired.uploads + uploads, bytes: expired.bytes + bytes };
      },
    });
  }

  beforeEach(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'meridian-expiry-'));
    now = 1_000_000_000_000;
    expired = { uploads: 0, bytes: 0 };
    await start();
  });
  afterEach(async () => {
    await service.stop();
    await removeDirectory(dataDir);
  });

  const files = (): Promise<string[]> => readdir(join(dataDir, 'uploads'));
  const openUploads = async (): Promise<number> => (await service.storage.stats({}, live)).uploads;

  it('ends when no bytes came for the time set, and its bytes are freed', async () => {
    const id = await create();
    await write(id, someBytes(1000));
    now += EXPIRY_MS - 1;
    const younger = await create();
    now += 1;
    await eventually(openUploads).toBe(1);
    await eventually(files).toEqual([]);
    expect(await offsetOf(younger)).toBe(0);
    await expect(offsetOf(id)).rejects.toMatchObject(unknown);
    await expect(write(id, someBytes(5), 1000)).rejects.toMatchObject(unknown);
    await expect(finish(id, digestOf(someBytes(1000)))).rejects.toMatchObject(unknown);
    await eventually(() => expired).toEqual({ uploads: 1, bytes: 1000 });
  });

  it('lives on with every write', async () => {
    const id = await create();
    now += EXPIRY_MS - 1;
    await write(id, someBytes(10));
    const witness = await create();
    now += EXPIRY_MS - 1;
    await write(id, someBytes(10), 10);
    now += 1;
    await eventually(() => offsetOf(witness).catch(() => 'gone')).toBe('gone');
    expect(await offsetOf(id)).toBe(20);
  });

  it('does not end while somebody writes to it, nor for the time set thereafter', async () => {
    const id = await create();
    const writing = openWrite(id, someBytes(1000));
    await writing.begun;
    await eventually(files).toEqual([id]);
    const witness = await create();
    now += EXPIRY_MS;
    await eventually(() => offsetOf(witness).catch(() => 'gone')).toBe('gone');
    writing.end();
    expect(await writing.result).toMatchObject({ offset: 1000 });
    const next = await create();
    now += EXPIRY_MS - 1;
    expect(await offsetOf(id)).toBe(1000);
    now += 1;
    await eventually(openUploads).toBe(0);
    await expect(offsetOf(next)).rejects.toMatchObject(unknown);
    await expect(offsetOf(id)).rejects.toMatchObject(unknown);
  });

  it('ends at the next start where its time ran out while the storage was down', async () => {
    const ids = [];
    // More than are looked at together.
    for (let count = 0; count < 250; count++) ids.push(create());
    const [id = ''] = await Promise.all(ids);
    await write(id, someBytes(1000));
    await service.stop();
    now += EXPIRY_MS;
    await start();
    await eventually(openUploads).toBe(0);
    await eventually(files).toEqual([]);
    expect(expired).toEqual({ uploads: 250, bytes: 1000 });
  });
});
