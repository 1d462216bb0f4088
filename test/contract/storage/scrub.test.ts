import { readFile, stat } from 'node:fs/promises';
import { describe, expect, onTestFinished, test } from 'vitest';
import { openFilesystemDriver } from '#services/storage/drivers/filesystem/driver.ts';
import { DAMAGES, loseBlob, quarantinePath, type Damage } from '#test/support/damage.ts';
import type { BlobDamage } from '#types/meridian/v1/BlobDamage.ts';
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
  type HarnessOptions,
  type StorageUnderTest,
  type Transport,
} from './harness.ts';

const REPOSITORY = 'team/app';
const off = { scrubBytesPerSecond: 0 };

describe.each(transports)('finding what a disk has damaged, %s', (transport) => {
  test.each(Object.keys(DAMAGES) as Damage[])(
    'a blob %s goes into quarantine, is held no longer, and can come again',
    async (damage) => {
      const under = await open(transport, { settings: off });
      const bytes = someBytes(300_000);
      const [blob, other] = [
        await put(under.storage, REPOSITORY, bytes),
        await put(under.storage, REPOSITORY, someBytes(1000, 2)),
      ];
      await DAMAGES[damage](under.dataDir, blob.digest);
      const { checked, damaged } = await verify(under);
      expect(checked).toBe(2);
      expect(damaged.map(({ digest }) => digest)).toEqual([blob.digest]);
      await stat(quarantinePath(under.dataDir, blob.digest));
      const { blobs } = await under.storage.stat({ digests: [blob.digest, other.digest] }, live);
      expect(blobs).toEqual([other]);
      expect(await under.storage.stats({}, live)).toMatchObject({ blobs: 1 });
      await expect(read(under.storage, blob.digest)).rejects.toMatchObject({ code: 'BLOB_UNKNOWN' });

      await under.storage.ingest(parts({ header: { repository: '', ...blob } }, bytes), live);
      expect(await read(under.storage, blob.digest)).toEqual(bytes);
      expect(await verify(under)).toMatchObject({ checked: 2, damaged: [] });
    },
  );

  test('only the blobs named are looked at, and those not held are not counted', async () => {
    const under = await open(transport, { settings: off });
    const [one, two] = [
      await put(under.storage, REPOSITORY, someBytes(1000, 1)),
      await put(under.storage, REPOSITORY, someBytes(1000, 2)),
    ];
    await DAMAGES['with a flipped bit'](under.dataDir, one.digest);
    await loseBlob(under.dataDir, two.digest);
    expect(await verify(under, two.digest)).toEqual({ checked: 0, bytes: 0, damaged: [] });
    expect(await verify(under, one.digest)).toMatchObject({ checked: 1 });
  });

  test('what is damaged a second time replaces what is in quarantine', async () => {
    const under = await open(transport, { settings: off });
    const bytes = someBytes(1000);
    const blob = await put(under.storage, REPOSITORY, bytes);
    await DAMAGES.unreadable(under.dataDir, blob.digest);
    await verify(under);
    await put(under.storage, REPOSITORY, bytes);
    await DAMAGES['cut short'](under.dataDir, blob.digest);
    await verify(under);
    expect(await readFile(quarantinePath(under.dataDir, blob.digest))).toHaveLength(999);
  });

  test('whoever follows hears of damage, and the count of losses moves on', async () => {
    const under = await open(transport, { settings: off });
    const blob = await put(under.storage, REPOSITORY, someBytes(1000));
    const before = await under.scrub.losses({}, live);
    expect(await under.scrub.losses({}, live)).toEqual(before);
    const following = under.scrub.follow({}, live)[Symbol.asyncIterator]();
    const heard = following.next();
    const damagedAt = Date.now();
    await DAMAGES['with a flipped bit'](under.dataDir, blob.digest);
    // A follower may begin to listen after the first look.
    await eventually(async () => (await verify(under)).checked).toBe(0);
    const damage = (await heard).value as BlobDamage;
    expect(damage).toMatchObject({ digest: blob.digest, size: 1000 });
    expect(damage.atMs).toBeGreaterThanOrEqual(damagedAt);
    expect(damage.atMs).toBeLessThanOrEqual(Date.now());
    await following.return?.();
    expect(await under.scrub.losses({}, live)).not.toEqual(before);
  });

  test('a blob whose reading fails midway is looked at by itself', async () => {
    const under = await open(transport, { settings: off });
    const blob = await put(under.storage, REPOSITORY, someBytes(1000));
    await DAMAGES.unreadable(under.dataDir, blob.digest);
    await expect(read(under.storage, blob.digest)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await eventually(async () => (await under.storage.stat({ digests: [blob.digest] }, live)).blobs).toEqual(
      [],
    );
  });
});

describe('what is in quarantine', () => {
  test('goes after its time', async () => {
    let now = 1_000_000;
    const settings = { ...off, quarantineLifetimeMs: 500 };
    const under = await open('in process', { settings, clock: () => now });
    const blob = await put(under.storage, REPOSITORY, someBytes(1000));
    await DAMAGES['cut short'](under.dataDir, blob.digest);
    await verify(under);
    expect(await under.storage.stats({}, live)).toMatchObject({ quarantineBlobs: 1, quarantineBytes: 999 });
    now += 500;
    await eventually(() => under.storage.stats({}, live)).toMatchObject({ quarantineBlobs: 0 });
    await expect(stat(quarantinePath(under.dataDir, blob.digest))).rejects.toMatchObject({ code: 'ENOENT' });
  });

  test('goes sooner where it is too much, the oldest first', async () => {
    let now = 1_000_000;
    const settings = { ...off, maxQuarantineBytes: 2000 };
    const under = await open('in process', { settings, clock: () => (now += 1000) });
    const digests: string[] = [];
    for (const seed of [1, 2, 3]) {
      const { digest } = await put(under.storage, REPOSITORY, someBytes(1000, seed));
      await DAMAGES['with a flipped bit'](under.dataDir, digest);
      await verify(under);
      digests.push(digest);
    }
    await eventually(() => under.storage.stats({}, live)).toMatchObject({ quarantineBytes: 2000 });
    const [oldest = '', ...others] = digests.map((digest) => quarantinePath(under.dataDir, digest));
    await expect(stat(oldest)).rejects.toMatchObject({ code: 'ENOENT' });
    for (const path of others) await stat(path);
  });
});

describe('scrubbing all the time', () => {
  test('finds damage by itself, round after round', async () => {
    const under = await open('in process', { settings: { scrubIntervalMs: 1 } });
    const blob = await put(under.storage, REPOSITORY, someBytes(1000));
    const lost = await put(under.storage, REPOSITORY, someBytes(1000, 2));
    await DAMAGES['with a flipped bit'](under.dataDir, blob.digest);
    await eventually(async () => (await under.storage.stat({ digests: [blob.digest] }, live)).blobs).toEqual(
      [],
    );
    await loseBlob(under.dataDir, lost.digest);
    await eventually(() => under.storage.stats({}, live)).toMatchObject({ blobs: 0, bytes: 0 });
  });

  test('goes on after a restart where it was, and keeps to its rate', async () => {
    const checked: number[] = [];
    const onScrub = { checked: (bytes: number) => void checked.push(bytes), damaged: () => undefined };
    const first = await openStorageOver('in process', { settings: off });
    for (let seed = 1; seed <= 8; seed++) await put(first.storage, REPOSITORY, someBytes(50_000, seed));
    await first.stop();
    const { dataDir } = first;
    const startedAt = performance.now();
    const slow = await openStorageOver('in process', {
      ...{ dataDir, onScrub },
      settings: { scrubBytesPerSecond: 100_000 },
    });
    await eventually(() => checked.length).toBeGreaterThan(2);
    // The first bytes of a burst are free.
    expect(performance.now() - startedAt).toBeGreaterThan(500);
    await slow.stop();
    const before = checked.length;
    expect(before).toBeLessThan(8);
    const again = await open('in process', { dataDir, onScrub });
    await eventually(() => checked.length).toBeGreaterThanOrEqual(8);
    await again.stop();
    // The one that the stop came upon is looked at again.
    expect(checked.length).toBeLessThanOrEqual(9);
  });

  test('takes no blob for damaged that can be read a moment later', async () => {
    let failures = 1;
    const under = await open('in process', {
      settings: off,
      openDriver: async (layout) => {
        const driver = await openFilesystemDriver(layout);
        return {
          ...driver,
          open: async (digest) => {
            if (failures > 0) {
              failures -= 1;
              throw Object.assign(new Error('input/output error'), { code: 'EIO', syscall: 'read' });
            }
            return driver.open(digest);
          },
        };
      },
    });
    const blob = await put(under.storage, REPOSITORY, someBytes(1000));
    expect(await verify(under)).toEqual({ checked: 1, bytes: 1000, damaged: [] });
    expect(failures).toBe(0);
    expect(await read(under.storage, blob.digest)).toHaveLength(1000);
  });
});

async function open(transport: Transport, options: HarnessOptions): Promise<StorageUnderTest> {
  const opened = await openStorageOver(transport, options);
  let stopped: Promise<void> | undefined;
  const under = { ...opened, stop: () => (stopped ??= opened.stop()) };
  onTestFinished(async () => {
    await under.stop();
    await removeDirectory(under.dataDir);
  });
  return under;
}

async function verify(
  { scrub }: StorageUnderTest,
  ...digests: string[]
): Promise<{ checked: number; bytes: number; damaged: BlobDamage[] }> {
  const sum = { checked: 0, bytes: 0, damaged: [] as BlobDamage[] };
  for await (const { checked, bytes, damaged } of scrub.verify({ digests }, live)) {
    sum.checked += checked;
    sum.bytes += bytes;
    sum.damaged.push(...damaged);
  }
  return sum;
}
