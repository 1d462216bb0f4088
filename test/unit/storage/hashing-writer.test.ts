import { mkdtemp, open, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { giveAway } from '#libs/given-away.ts';
import { digestOf, type DigestAlgorithm } from '#libs/oci/digest.ts';
import type { StagedBytes } from '#services/storage/driver.ts';
import { openStagedFile } from '#services/storage/drivers/filesystem/staged-file.ts';
import { HashingWriter, LARGE_BYTES } from '#services/storage/writing/hashing-writer.ts';
import { writeInThread } from '#services/storage/writing/thread.ts';
import { WriteBehind } from '#services/storage/writing/write-behind.ts';
import { someBytes } from '#test/contract/storage/harness.ts';

let directory: string;
let files = 0;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'meridian-writing-'));
});
afterAll(() => rm(directory, { recursive: true }));

function newPath(): string {
  return join(directory, String(++files));
}

async function write(
  writer: HashingWriter,
  staged: StagedBytes,
  bytes: Buffer,
  chunkBytes: number,
  leastBytes = LARGE_BYTES,
): Promise<void> {
  const options = { maxPendingBytes: 1_000_000, leastBytes, flushEveryBytes: 1_000_000 };
  const behind = new WriteBehind(staged, writer.to(staged), options);
  for (let at = 0; at < bytes.length; at += chunkBytes) {
    behind.push(bytes.subarray(at, at + chunkBytes));
    await behind.room();
  }
  await behind.idle();
  behind.check();
}

describe('a blob that comes in chunks', () => {
  it.each([
    [0, 1],
    [1, 1],
    [LARGE_BYTES - 1, 65_536],
    [LARGE_BYTES, 65_536],
    [LARGE_BYTES + 1, 65_536],
    [LARGE_BYTES + 1, LARGE_BYTES + 1],
    [5_000_000, 65_521],
    [5_000_000, 3_000_000],
  ])('is written and hashed, all %d bytes of it in chunks of %d', async (size, chunkBytes) => {
    const bytes = someBytes(size, size + chunkBytes);
    for (const [algorithm, leastBytes] of [
      ['sha256', LARGE_BYTES],
      ['sha512', 1],
    ] as const) {
      const path = newPath();
      const staged = await openStagedFile(path, 0, false);
      const writer = new HashingWriter(algorithm);
      await write(writer, staged, bytes, chunkBytes, leastBytes);
      expect(staged.size).toBe(size);
      await staged.close();
      expect(await writer.digest()).toBe(digestOf(bytes, algorithm));
      expect((await readFile(path)).equals(bytes)).toBe(true);
    }
  });

  it.each([1_000, 700_000])('goes on where it was, at %d bytes, in a file opened again', async (pauseAt) => {
    const bytes = someBytes(2_000_000);
    const path = newPath();
    const writer = new HashingWriter('sha256');
    for (const [start, end] of [
      [0, pauseAt],
      [pauseAt, bytes.length],
    ] as const) {
      const staged = await openStagedFile(path, start, false);
      expect(staged.size).toBe(start);
      await write(writer, staged, bytes.subarray(start, end), 65_536);
      await staged.close();
    }
    expect(await writer.digest()).toBe(digestOf(bytes));
    expect((await readFile(path)).equals(bytes)).toBe(true);
  });

  it('has its own digest and file, of however many that come at the same time', async () => {
    const blobs = Array.from({ length: 40 }, (_, i) => someBytes(600_000 + 1_000 * i, i + 1));
    await Promise.all(
      blobs.map(async (bytes) => {
        const path = newPath();
        const staged = await openStagedFile(path, 0, false);
        const writer = new HashingWriter('sha256');
        await write(writer, staged, bytes, 50_000);
        await staged.close();
        expect(await writer.digest()).toBe(digestOf(bytes));
        expect((await readFile(path)).equals(bytes)).toBe(true);
      }),
    );
  });

  it('fails where the thread ends, and what begins then does not', async () => {
    const bytes = someBytes(4_000_000);
    const broken = await openStagedFile(newPath(), 0, false);
    const writer = new HashingWriter('none' as DigestAlgorithm);
    // Its first chunks may be told to be written before the thread knows what it is asked for.
    await expect(write(writer, broken, bytes, 65_536)).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      message: expect.stringContaining('The thread that writes blobs has ended') as string,
    });
    await broken.close();
    expect(await writer.digest()).toBeUndefined();
    const staged = await openStagedFile(newPath(), 0, false);
    const next = new HashingWriter('sha256');
    await write(next, staged, bytes, 65_536);
    await staged.close();
    expect(await next.digest()).toBe(digestOf(bytes));
  });
});

describe('the thread that writes', () => {
  it('says what the system says of a write that fails, and goes on with others', async () => {
    const full = await open('/dev/full', 'w');
    const { written, failure } = await writeInThread('sha256').write(full.fd, 0, [someBytes(1_000)]);
    await full.close();
    expect(written).toBe(0);
    expect(failure).toMatchObject({ code: 'ENOSPC', syscall: 'write' });
    const path = newPath();
    const file = await open(path, 'w');
    expect(await writeInThread('sha256').write(file.fd, 0, [someBytes(1_000)])).toEqual({ written: 1_000 });
    await file.close();
    expect((await readFile(path)).equals(someBytes(1_000))).toBe(true);
  });

  it('takes memory only of bytes that were given away and hold nothing else', async () => {
    const file = await open(newPath(), 'w');
    const kept = someBytes(1_000);
    const given = giveAway(Buffer.from(new Uint8Array(1_000).fill(7).buffer));
    const part = giveAway(Buffer.from(new ArrayBuffer(2_000), 0, 1_000).fill(7));
    const framed = giveAway(Buffer.from(new ArrayBuffer(1_010), 9, 1_000).fill(8));
    const cut = framed.subarray(1);
    await writeInThread('sha256').write(file.fd, 0, [kept, given, part, cut]);
    expect(cut.equals(Buffer.alloc(999, 8))).toBe(true);
    await writeInThread('sha256').write(file.fd, 0, [framed]);
    expect(framed.length).toBe(0);
    await file.close();
    expect(kept.equals(someBytes(1_000))).toBe(true);
    expect(given.length).toBe(0);
    expect(part.equals(Buffer.alloc(1_000, 7))).toBe(true);
  });
});
