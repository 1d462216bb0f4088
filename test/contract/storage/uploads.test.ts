import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { digestOf } from '#libs/oci/digest.ts';
import { regionOfUpload } from '#libs/upload-id.ts';
import {
  blobOf,
  live,
  openStorageOver,
  read,
  removeDirectory,
  someBytes,
  transports,
  type StorageUnderTest,
} from './harness.ts';
import { uploadCalls } from './upload-calls.ts';

const KIB = 1024;
const repository = 'team/app';

describe.each(transports)('uploads to a storage called %s', (transport) => {
  let service: StorageUnderTest;
  let seed = 500;
  const newBytes = (size: number): Buffer => someBytes(size, (seed += 1));

  beforeAll(async () => {
    service = await openStorageOver(transport, { settings: { maxUploadBytes: 4 * 1024 * KIB } });
  });
  afterAll(async () => {
    await service.stop();
    await removeDirectory(service.dataDir);
  });

  const { create, write, offsetOf, openWrite } = uploadCalls(() => service, repository);

  /** Where an upload stands once its interrupted writer has left: what it tells is taken for an offset to write at. */
  async function resumed(id: string): Promise<number> {
    const attempt = async (): Promise<number> =>
      write(id, Buffer.alloc(0), await offsetOf(id)).catch(() => -1);
    await expect.poll(attempt, { timeout: 30_000 }).not.toBe(-1);
    return offsetOf(id);
  }

  it('become blobs that are pinned for their repository', async () => {
    const bytes = newBytes(300 * KIB);
    const { digest, size } = blobOf(bytes);
    const id = await create();
    expect(regionOfUpload(id)).toBe('eu');
    expect(await write(id, bytes, 0)).toBe(size);
    expect(await service.uploads.finish({ id, repository, digest }, live)).toMatchObject({ digest, size });
    expect((await read(service.storage, digest)).equals(bytes)).toBe(true);
    const pins = await service.storage.pins({ repository, digests: [digest] }, live);
    expect(pins.blobs).toMatchObject([{ digest, size }]);
    expect(await readdir(join(service.dataDir, 'uploads'))).not.toContain(id);
    await expect(offsetOf(id)).rejects.toMatchObject({ code: 'BLOB_UPLOAD_UNKNOWN' });
  });

  it('give the same blob however the bytes are split', async () => {
    const splits = fc.record({
      bytes: fc.uint8Array({ maxLength: 2000 }).map((array) => Buffer.from(array)),
      cuts: fc.array(fc.nat(2000), { maxLength: 4 }),
      pieceBytes: fc.integer({ min: 1, max: 700 }),
      algorithm: fc.constantFrom('sha256' as const, 'sha512' as const),
      finishBy: fc.constantFrom('sha256' as const, 'sha512' as const),
    });
    await fc.assert(
      fc.asyncProperty(splits, async ({ bytes, cuts, pieceBytes, algorithm, finishBy }) => {
        const id = await create(algorithm);
        const ends = [...cuts.filter((cut) => cut < bytes.length), bytes.length].sort((a, b) => a - b);
        let at = 0;
        for (const end of ends) {
          expect(await write(id, bytes.subarray(at, end), at, pieceBytes)).toBe(end);
          at = end;
        }
        const digest = digestOf(bytes, finishBy);
        await service.uploads.finish({ id, repository, digest }, live);
        expect((await read(service.storage, digest)).equals(bytes)).toBe(true);
      }),
      { numRuns: 40 },
    );
  });

  it('stay as they were when the digest is another one', async () => {
    const bytes = newBytes(100 * KIB);
    const { digest } = blobOf(bytes);
    const wrong = digestOf(Buffer.from('other'));
    const id = await create();
    await write(id, bytes.subarray(0, 60 * KIB));
    const finish = service.uploads.finish({ id, repository, digest: wrong }, live);
    const expectation = {
      code: 'DIGEST_INVALID',
      detail: { expected: wrong, actual: digestOf(bytes.subarray(0, 60 * KIB)) },
    };
    await expect(finish).rejects.toMatchObject(expectation);
    expect(await service.storage.stat({ digests: [wrong] }, live)).toMatchObject({ blobs: [] });
    expect(await offsetOf(id)).toBe(60 * KIB);
    await write(id, bytes.subarray(60 * KIB), 60 * KIB);
    await service.uploads.finish({ id, repository, digest }, live);
    expect((await read(service.storage, digest)).equals(bytes)).toBe(true);
  });

  it('go on only from where they stand', async () => {
    const id = await create();
    await write(id, newBytes(10), 0);
    for (const offset of [0, 9, 11]) {
      await expect(write(id, newBytes(5), offset)).rejects.toMatchObject({
        code: 'RANGE_INVALID',
        detail: { offset: 10 },
      });
    }
    expect(await write(id, newBytes(5), 10)).toBe(15);
  });

  it('keep what came before an interruption, and go on from there', async () => {
    const bytes = newBytes(300 * KIB);
    const id = await create();
    const caller = new AbortController();
    const writing = openWrite(id, bytes.subarray(0, 200 * KIB), caller.signal);
    await writing.begun;
    caller.abort(new Error('the client hung up'));
    await expect(writing.result).rejects.toThrow('hung up');
    writing.end();
    // In process nothing is on its way any more when the caller leaves; over a wire the last bytes may be lost.
    const kept = await resumed(id);
    if (transport === 'in process') expect(kept).toBe(200 * KIB);
    else expect(kept).toBeLessThanOrEqual(200 * KIB);
    await write(id, bytes.subarray(kept), kept);
    const { digest } = await service.uploads.finish({ id, repository, digest: digestOf(bytes) }, live);
    expect((await read(service.storage, digest)).equals(bytes)).toBe(true);
  });

  it('take bytes of one writer at a time', async () => {
    const bytes = newBytes(100 * KIB);
    const id = await create();
    const writing = openWrite(id, bytes);
    await writing.begun;
    // Over the wire the first messages may still be on their way, but the calls arrive in order.
    await expect(write(id, newBytes(5))).rejects.toMatchObject({ code: 'CONFLICT' });
    const finish = service.uploads.finish({ id, repository, digest: digestOf(bytes) }, live);
    await expect(finish).rejects.toMatchObject({ code: 'CONFLICT' });
    writing.end();
    expect(await writing.result).toMatchObject({ offset: bytes.length });
    await service.uploads.finish({ id, repository, digest: digestOf(bytes) }, live);
  });

  it('may be finished again by a client that missed the answer', async () => {
    const bytes = newBytes(100);
    const { digest } = blobOf(bytes);
    const id = await create();
    await write(id, bytes);
    const both = await Promise.all(
      [1, 2].map(() => service.uploads.finish({ id, repository, digest }, live)),
    );
    expect(both).toMatchObject([{ digest }, { digest }]);
    const other = { id, repository, digest: digestOf(Buffer.from('absent')) };
    await expect(service.uploads.finish(other, live)).rejects.toMatchObject({ code: 'BLOB_UPLOAD_UNKNOWN' });
  });

  it('may hold what is held already', async () => {
    const bytes = newBytes(1000);
    const { digest } = blobOf(bytes);
    for (let time = 0; time < 2; time++) {
      const id = await create();
      await write(id, bytes);
      await service.uploads.finish({ id, repository, digest }, live);
      expect(await readdir(join(service.dataDir, 'uploads'))).not.toContain(id);
    }
  });

  it('may be without bytes', async () => {
    const { digest } = blobOf(Buffer.alloc(0));
    const id = await create();
    await service.uploads.finish({ id, repository, digest }, live);
    expect(await service.storage.stat({ digests: [digest] }, live)).toMatchObject({ blobs: [{ size: 0 }] });
  });

  it('end when they are cancelled', async () => {
    const id = await create();
    await write(id, newBytes(100));
    await service.uploads.cancel({ id, repository, offset: -1 }, live);
    await expect(write(id, newBytes(5))).rejects.toMatchObject({ code: 'BLOB_UPLOAD_UNKNOWN' });
    const again = service.uploads.cancel({ id, repository, offset: -1 }, live);
    await expect(again).rejects.toMatchObject({ code: 'BLOB_UPLOAD_UNKNOWN' });
    expect(await readdir(join(service.dataDir, 'uploads'))).not.toContain(id);
  });

  it('are refused beyond the size allowed, keeping what was within', async () => {
    const id = await create();
    await write(id, newBytes(4 * 1024 * KIB));
    await expect(write(id, Buffer.from('x'))).rejects.toMatchObject({ code: 'TOO_LARGE' });
    expect(await offsetOf(id)).toBe(4 * 1024 * KIB);
  });

  it('are known only by the ids that this region gave out, in their repository', async () => {
    const id = await create();
    const [region = '', random = '', mac = ''] = id.split('.');
    const forged = [
      `us.${random}.${mac}`,
      `${region}.${random.slice(1)}A.${mac}`,
      // What it ended with is another ending here.
      `${region}.${random}.${mac.slice(0, -2)}${mac.endsWith('AA') ? 'BA' : 'AA'}`,
      `${region}.${random}.${mac.slice(0, -2)}`,
      `${region}.${random}`,
      '../../owner.sqlite',
      '',
    ];
    for (const guess of forged) {
      const guessed = service.uploads.stat({ id: guess, repository, offset: -1 }, live);
      await expect(guessed).rejects.toMatchObject({ code: 'BLOB_UPLOAD_UNKNOWN' });
    }
    const elsewhere = service.uploads.stat({ id, repository: 'other/app', offset: -1 }, live);
    await expect(elsewhere).rejects.toMatchObject({ code: 'BLOB_UPLOAD_UNKNOWN' });
    expect(await offsetOf(id)).toBe(0);
  });

  it('are opened only for repositories and algorithms that can be', async () => {
    const bad = service.uploads.create({ repository: '../up', algorithm: '' }, live);
    await expect(bad).rejects.toMatchObject({ code: 'NAME_INVALID' });
    await expect(create('md5')).rejects.toMatchObject({ code: 'DIGEST_INVALID' });
  });
});
