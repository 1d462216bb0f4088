import { describe, expect, it } from 'vitest';
import { openFilesystemDriver } from '#services/storage/drivers/filesystem/driver.ts';
import {
  blobOf,
  eventually,
  live,
  openStorageOver,
  parts,
  read,
  removeDirectory,
  someBytes,
  transports,
} from './harness.ts';

describe.each(transports)('blobs that arrive at a storage called %s', (transport) => {
  it('are given to their end as soon as they are verified, though the disk takes its time', async () => {
    const onDisk = Promise.withResolvers<undefined>();
    const slow = await openStorageOver(transport, {
      openDriver: async (layout) => {
        const driver = await openFilesystemDriver(layout);
        const stage: typeof driver.stage = async (...named) => {
          const staged = await driver.stage(...named);
          const flush = async (): Promise<void> => {
            await onDisk.promise;
            await staged.flush();
          };
          return new Proxy(staged, { get: (of, key) => (key === 'flush' ? flush : bound(of, key)) });
        };
        return { ...driver, stage };
      },
    });
    const bytes = someBytes(300_000);
    const blob = blobOf(bytes);
    const ingest = slow.storage.ingest(parts({ header: { repository: 'a/b', ...blob } }, bytes), live);
    await eventually(
      async () => (await read(slow.storage, blob.digest).catch(() => bytes.subarray(1))).length,
    ).toBe(bytes.length);
    expect(await slow.storage.stat({ digests: [blob.digest] }, live)).toMatchObject({ blobs: [] });
    onDisk.resolve(undefined);
    await ingest;
    expect(await slow.storage.stat({ digests: [blob.digest] }, live)).toMatchObject({ blobs: [blob] });
    await slow.stop();
    await removeDirectory(slow.dataDir);
  });
});

function bound(of: object, key: string | symbol): unknown {
  const value: unknown = Reflect.get(of, key, of);
  return typeof value === 'function' ? value.bind(of) : value;
}
