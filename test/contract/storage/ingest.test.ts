import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
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
  transports,
  valve,
  type StorageUnderTest,
} from './harness.ts';

const KIB = 1024;
const WITHHELD = 64 * KIB;

describe.each(transports)('blobs that arrive at a storage called %s', (transport) => {
  let service: StorageUnderTest;
  let seed = 100;
  const newBytes = (size: number): Buffer => someBytes(size, (seed += 1));

  beforeAll(async () => {
    service = await openStorageOver(transport, { settings: { readChunkBytes: 64 * KIB } });
  });
  afterAll(async () => {
    await service.stop();
    await removeDirectory(service.dataDir);
  });

  /** Reads in the background, and tells how much it has. */
  function follower(digest: string, offset = 0): { received(): Buffer; done: Promise<void> } {
    const chunks: Buffer[] = [];
    const run = async (): Promise<void> => {
      for await (const { data } of service.storage.read({ digest, offset, length: 0 }, live))
        chunks.push(data);
    };
    const done = run();
    done.catch(() => undefined);
    return { received: () => Buffer.concat(chunks), done };
  }

  async function firstByte(digest: string, offset: number): Promise<number | undefined> {
    const request = { digest, offset, length: 1, maxAhead: 100 * KIB };
    for await (const { data } of service.storage.read(request, live)) return data[0];
    return undefined;
  }

  async function leftNothing(digest: string): Promise<void> {
    expect(await service.storage.stat({ digests: [digest] }, live)).toMatchObject({ blobs: [] });
    await expect(read(service.storage, digest)).rejects.toMatchObject({ code: 'BLOB_UNKNOWN' });
    expect(await readdir(join(service.dataDir, 'ingests'))).toEqual([]);
  }

  it('can be read by many while they arrive, but for the end, which comes once all is verified', async () => {
    const bytes = newBytes(500 * KIB);
    const { digest, size } = blobOf(bytes);
    const source = valve({ repository: 'a/b', digest, size });
    const ingest = service.storage.ingest(source.messages, live);
    const followers = [follower(digest), follower(digest, 100 * KIB)];

    source.give(bytes.subarray(0, 300 * KIB));
    await eventually(() => followers[0]?.received().length).toBe(300 * KIB);
    expect(await service.storage.stat({ digests: [digest] }, live)).toMatchObject({ blobs: [] });

    source.give(bytes.subarray(300 * KIB));
    await eventually(() => followers[0]?.received().length).toBe(size - WITHHELD);
    const late = follower(digest);
    await eventually(() => late.received().length).toBe(size - WITHHELD);

    source.end();
    expect(await ingest).toMatchObject({ digest, size });
    await Promise.all([...followers, late].map(({ done }) => done));
    expect(followers[0]?.received().equals(bytes)).toBe(true);
    expect(followers[1]?.received().equals(bytes.subarray(100 * KIB))).toBe(true);
    expect(late.received().equals(bytes)).toBe(true);
    expect(await service.storage.pins({ repository: 'a/b', digests: [digest] }, live)).toMatchObject({
      blobs: [{ digest, size }],
    });
  });

  it('are unknown to who does not wait for what is far beyond what has come', async () => {
    const bytes = newBytes(500 * KIB);
    const { digest, size } = blobOf(bytes);
    const source = valve({ repository: 'a/b', digest, size });
    const ingest = service.storage.ingest(source.messages, live);
    source.give(bytes.subarray(0, 100 * KIB));
    await eventually(() => firstByte(digest, 100 * KIB - 1)).toBe(bytes[100 * KIB - 1]);
    await expect(firstByte(digest, 300 * KIB)).rejects.toMatchObject({ code: 'BLOB_UNKNOWN' });
    const near = firstByte(digest, 150 * KIB);
    source.give(bytes.subarray(100 * KIB, 300 * KIB));
    expect(await near).toBe(bytes[150 * KIB]);
    await eventually(() => firstByte(digest, 300 * KIB - 1)).toBe(bytes[300 * KIB - 1]);
    source.give(bytes.subarray(300 * KIB));
    source.end();
    await ingest;
    expect(await firstByte(digest, size - 1)).toBe(bytes[size - 1]);
  });

  it('can be read in part while they arrive', async () => {
    const bytes = newBytes(300 * KIB);
    const { digest, size } = blobOf(bytes);
    const source = valve({ repository: '', digest, size });
    const ingest = service.storage.ingest(source.messages, live);
    source.give(bytes.subarray(0, 150 * KIB));
    const part = await read(service.storage, digest, { offset: 20 * KIB, length: 100 * KIB });
    expect(part.equals(bytes.subarray(20 * KIB, 120 * KIB))).toBe(true);
    await expect(read(service.storage, digest, { offset: size + 1 })).rejects.toMatchObject({
      code: 'RANGE_INVALID',
      detail: { size },
    });
    source.give(bytes.subarray(150 * KIB));
    source.end();
    await ingest;
  });

  it('are not slowed by a reader that stops reading', async () => {
    const bytes = newBytes(8 * 1024 * KIB);
    const { digest, size } = blobOf(bytes);
    const ingest = service.storage.ingest(parts({ header: { repository: '', digest, size } }, bytes), live);
    const stuck = service.storage.read({ digest, offset: 0, length: 0 }, live)[Symbol.asyncIterator]();
    const first = (await stuck.next()).value as { data: Buffer };
    expect(await ingest).toMatchObject({ digest, size });
    let rest = 0;
    for (let step = await stuck.next(); step.done !== true; step = await stuck.next())
      rest += step.value.data.length;
    expect(first.data.length + rest).toBe(size);
    expect(rest).toBeGreaterThan(0);
  });

  it('reset their readers and leave nothing when their digest is wrong', async () => {
    const bytes = newBytes(200 * KIB);
    const wrong = Buffer.from(bytes);
    wrong[199 * KIB] = (wrong[199 * KIB] ?? 0) ^ 1;
    const { digest, size } = blobOf(bytes);
    const source = valve({ repository: 'a/b', digest, size });
    const ingest = service.storage.ingest(source.messages, live);
    const reader = follower(digest);
    source.give(wrong);
    await eventually(() => reader.received().length).toBe(size - WITHHELD);
    source.end();
    await expect(ingest).rejects.toMatchObject({ code: 'DIGEST_INVALID', detail: { expected: digest } });
    await expect(reader.done).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    expect(reader.received()).toHaveLength(size - WITHHELD);
    await leftNothing(digest);

    // And the right bytes are welcome afterwards.
    await service.storage.ingest(parts({ header: { repository: '', digest, size } }, bytes), live);
    expect((await read(service.storage, digest)).equals(bytes)).toBe(true);
  });

  it.each([
    ['too few', (bytes: Buffer) => bytes.subarray(1)],
    ['too many', (bytes: Buffer) => Buffer.concat([bytes, Buffer.from('x')])],
  ])('are refused with %s bytes', async (_, damaged) => {
    const bytes = newBytes(100 * KIB);
    const { digest, size } = blobOf(bytes);
    const ingest = service.storage.ingest(
      parts({ header: { repository: '', digest, size } }, damaged(bytes)),
      live,
    );
    await expect(ingest).rejects.toMatchObject({ code: 'SIZE_INVALID' });
    await leftNothing(digest);
  });

  it.each(['its source fails', 'its requester goes away'])('reset their readers when %s', async (how) => {
    const bytes = newBytes(200 * KIB);
    const { digest, size } = blobOf(bytes);
    const source = valve({ repository: 'a/b', digest, size });
    const requester = new AbortController();
    const ingest = service.storage.ingest(source.messages, { signal: requester.signal });
    const reader = follower(digest);
    source.give(bytes.subarray(0, 100 * KIB));
    await eventually(() => reader.received().length).toBe(100 * KIB);
    if (how === 'its source fails') source.fail(new Error('the source is gone'));
    else requester.abort(new Error('the requester is gone'));
    await expect(ingest).rejects.toThrow('is gone');
    await expect(reader.done).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await eventually(() => readdir(join(service.dataDir, 'ingests'))).toEqual([]);
    await leftNothing(digest);
    source.end();
  });

  it('arrive once at a time', async () => {
    const bytes = newBytes(10 * KIB);
    const { digest, size } = blobOf(bytes);
    const source = valve({ repository: '', digest, size });
    const first = service.storage.ingest(source.messages, live);
    const reader = follower(digest);
    source.give(bytes);
    await eventually(() => source.pending()).toBe(0);
    const second = service.storage.ingest(parts({ header: { repository: '', digest, size } }, bytes), live);
    await expect(second).rejects.toMatchObject({ code: 'CONFLICT' });
    source.end();
    await first;
    await reader.done;
    expect(reader.received().equals(bytes)).toBe(true);
  });

  it('are not asked for when they are held, but pinned', async () => {
    const bytes = newBytes(10 * KIB);
    const { digest, size } = await put(service.storage, 'a/b', bytes);
    const source = valve({ repository: 'c/d', digest, size });
    expect(await service.storage.ingest(source.messages, live)).toMatchObject({ digest, size });
    expect(await service.storage.pins({ repository: 'c/d', digests: [digest] }, live)).toMatchObject({
      blobs: [{ digest }],
    });
    source.end();
  });

  it('may be without bytes', async () => {
    const { digest } = blobOf(Buffer.alloc(0));
    const source = valve({ repository: '', digest, size: 0 });
    const ingest = service.storage.ingest(source.messages, live);
    const reader = follower(digest);
    source.end();
    await ingest;
    await reader.done;
    expect(reader.received()).toHaveLength(0);
    expect(await service.storage.stat({ digests: [digest] }, live)).toMatchObject({ blobs: [{ digest }] });
  });
});
