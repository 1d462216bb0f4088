import { describe, expect, onTestFinished, test } from 'vitest';
import type { Digest } from '#libs/oci/digest.ts';
import { openFilesystemDriver } from '#services/storage/drivers/filesystem/driver.ts';
import { DAMAGES, loseBlob } from '#test/support/damage.ts';
import {
  eventually,
  live,
  openStorageOver,
  parts,
  put,
  read,
  removeDirectory,
  someBytes,
  transports,
  type StorageUnderTest,
  type Transport,
} from './harness.ts';

const REPOSITORY = 'team/app';
const BYTES = someBytes(100_000);
const PIECE = 10_000;

describe.each(transports)('a blob that is read in pieces, %s', (transport) => {
  test('is opened for many of them, however many read it, and closed when they have', async () => {
    const { under, opened, closed } = await openCounted(transport);
    const { digest } = await put(under.storage, REPOSITORY, BYTES);
    const before = opened.length;
    for (let offset = 0; offset < BYTES.length; offset += PIECE) {
      const readers = Array.from({ length: 3 }, () => read(under.storage, digest, { offset, length: PIECE }));
      for (const piece of await Promise.all(readers))
        expect(piece).toEqual(BYTES.subarray(offset, offset + PIECE));
    }
    // Once, but for pauses of this machine.
    const often = opened.length - before;
    expect(often).toBeLessThan(BYTES.length / PIECE);
    await eventually(() => closed.length).toBe(opened.length);
    expect(await read(under.storage, digest, { offset: 0, length: PIECE })).toEqual(BYTES.subarray(0, PIECE));
    expect(opened.length - before).toBe(often + 1);
  });

  test('comes from the file that is there when it was damaged and has come again', async () => {
    const { under } = await openCounted(transport);
    const blob = await put(under.storage, REPOSITORY, BYTES);
    await DAMAGES['with a flipped bit'](under.dataDir, blob.digest);
    const whole = { offset: 0, length: BYTES.length };
    expect(await read(under.storage, blob.digest, whole)).not.toEqual(BYTES);
    for await (const _ of under.scrub.verify({ digests: [blob.digest] }, live));
    await expect(read(under.storage, blob.digest, whole)).rejects.toMatchObject({ code: 'BLOB_UNKNOWN' });
    await under.storage.ingest(parts({ header: { repository: '', ...blob } }, BYTES), live);
    expect(await read(under.storage, blob.digest, whole)).toEqual(BYTES);
  });

  test('is not read any more once its file is gone', async () => {
    const { under } = await openCounted(transport);
    const { digest } = await put(under.storage, REPOSITORY, BYTES);
    const piece = { offset: 0, length: PIECE };
    expect(await read(under.storage, digest, piece)).toHaveLength(PIECE);
    await loseBlob(under.dataDir, digest);
    await expect(read(under.storage, digest, piece)).rejects.toMatchObject({ code: 'BLOB_UNKNOWN' });
  });
});

interface Counted {
  readonly under: StorageUnderTest;
  readonly opened: readonly Digest[];
  readonly closed: readonly Digest[];
}

async function openCounted(transport: Transport): Promise<Counted> {
  const opened: Digest[] = [];
  const closed: Digest[] = [];
  const under = await openStorageOver(transport, {
    settings: { scrubBytesPerSecond: 0 },
    openDriver: async (layout) => {
      const driver = await openFilesystemDriver(layout);
      return {
        ...driver,
        open: async (digest) => {
          const source = await driver.open(digest);
          if (source === undefined) return undefined;
          opened.push(digest);
          const close = async (): Promise<void> => {
            closed.push(digest);
            await source.close();
          };
          return { size: source.size, read: (buffer, position) => source.read(buffer, position), close };
        },
      };
    },
  });
  onTestFinished(async () => {
    await under.stop();
    await removeDirectory(under.dataDir);
  });
  return { under, opened, closed };
}
