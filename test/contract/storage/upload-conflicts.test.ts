import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { digestOf } from '#libs/oci/digest.ts';
import {
  eventually,
  openStorageOver,
  read,
  removeDirectory,
  someBytes,
  transports,
  type StorageUnderTest,
} from './harness.ts';
import { uploadCalls } from './upload-calls.ts';

const KIB = 1024;

describe.each(transports)('two requests for one upload, to a storage called %s', (transport) => {
  let service: StorageUnderTest;
  let now = Date.now();
  let seed = 900;
  const newBytes = (size: number): Buffer => someBytes(size, (seed += 1));
  const { create, write, offsetOf, openWrite, finish, cancel } = uploadCalls(() => service, 'team/app');

  beforeAll(async () => {
    service = await openStorageOver(transport, {
      clock: () => now,
      settings: { stalledWriterMs: 10_000, leaveWaitMs: 100 },
    });
  });
  afterAll(async () => {
    await service.stop();
    await removeDirectory(service.dataDir);
  });

  /** A writer whose connection is up, but on which nothing comes any more. */
  async function stalledWrite(id: string, bytes: Buffer) {
    const writing = openWrite(id, bytes);
    await writing.begun;
    // Over a wire they may still be on their way.
    await eventually(() => stagedBytes(service.dataDir, id)).toBe(bytes.length);
    now += 10_000;
    return writing;
  }

  it('let one of many writers win, and the bytes of the others are nowhere', async () => {
    const id = await create();
    const candidates = Array.from({ length: 8 }, () => newBytes(200 * KIB));
    const outcomes = await Promise.allSettled(candidates.map((bytes) => write(id, bytes, 0, 16 * KIB)));
    const winners = candidates.filter((_, index) => outcomes[index]?.status === 'fulfilled');
    expect(winners).toHaveLength(1);
    for (const outcome of outcomes) {
      if (outcome.status === 'rejected')
        expect(['CONFLICT', 'RANGE_INVALID']).toContain((outcome.reason as { code: string }).code);
    }
    const { digest } = await finish(id, digestOf(winners[0] ?? Buffer.alloc(0)));
    expect((await read(service.storage, digest)).equals(winners[0] ?? Buffer.alloc(0))).toBe(true);
  });

  it('let either a writer or a finisher be first, and tell the other', async () => {
    const bytes = newBytes(100 * KIB);
    const id = await create();
    await write(id, bytes);
    const [finished, written] = await Promise.allSettled([
      finish(id, digestOf(bytes)),
      write(id, newBytes(5), bytes.length),
    ]);
    expect([finished.status, written.status].sort()).toEqual(['fulfilled', 'rejected']);
    if (finished.status === 'rejected') expect(finished.reason).toMatchObject({ code: 'DIGEST_INVALID' });
    if (written.status === 'rejected') expect(written.reason).toMatchObject({ code: 'BLOB_UPLOAD_UNKNOWN' });
  });

  it('let a cancellation end the write under way', async () => {
    const id = await create();
    const writing = openWrite(id, newBytes(100 * KIB));
    await writing.begun;
    await eventually(() => stagedBytes(service.dataDir, id)).toBeGreaterThan(0);
    await cancel(id);
    await expect(writing.result).rejects.toMatchObject({ code: 'BLOB_UPLOAD_UNKNOWN' });
    writing.end();
    await expect(offsetOf(id)).rejects.toMatchObject({ code: 'BLOB_UPLOAD_UNKNOWN' });
    expect(await readdir(join(service.dataDir, 'uploads'))).not.toContain(id);
  });

  it('keep a writer that is at work from being taken for a stalled one', async () => {
    const id = await create();
    const writing = await stalledWrite(id, newBytes(10));
    now -= 1;
    await expect(write(id, newBytes(5), 10)).rejects.toMatchObject({
      code: 'CONFLICT',
      retryAfterSeconds: 1,
    });
    writing.end();
    expect(await writing.result).toMatchObject({ offset: 10 });
    now += 1;
  });

  it('let a new writer take over from one that has stalled, and keep what that one sent', async () => {
    const bytes = newBytes(300 * KIB);
    const id = await create();
    const writing = await stalledWrite(id, bytes.subarray(0, 200 * KIB));
    // None of it is durable yet, so none of it is told.
    expect(await offsetOf(id)).toBe(0);
    await expect(write(id, bytes, 0)).rejects.toMatchObject({
      code: 'RANGE_INVALID',
      detail: { offset: 200 * KIB },
    });
    await expect(writing.result).rejects.toMatchObject({ code: 'CONFLICT' });
    writing.end();
    expect(await write(id, bytes.subarray(200 * KIB), 200 * KIB)).toBe(bytes.length);
    const { digest } = await finish(id, digestOf(bytes));
    expect((await read(service.storage, digest)).equals(bytes)).toBe(true);
  });

  it('let nobody append blindly behind bytes that came while he waited', async () => {
    const bytes = newBytes(50 * KIB);
    const id = await create();
    const writing = await stalledWrite(id, bytes.subarray(0, 20 * KIB));
    await expect(write(id, bytes)).rejects.toMatchObject({ code: 'CONFLICT', detail: { offset: 20 * KIB } });
    writing.end();
    await write(id, bytes.subarray(20 * KIB));
    await finish(id, digestOf(bytes));
  });

  it('let a finisher take over from a writer that has stalled after the last byte', async () => {
    const bytes = newBytes(50 * KIB);
    const id = await create();
    const writing = await stalledWrite(id, bytes);
    expect(await finish(id, digestOf(bytes))).toMatchObject({ size: bytes.length });
    await expect(writing.result).rejects.toMatchObject({ code: 'CONFLICT' });
    writing.end();
  });
});

async function stagedBytes(dataDir: string, id: string): Promise<number> {
  return stat(join(dataDir, 'uploads', id)).then(
    ({ size }) => size,
    () => 0,
  );
}
