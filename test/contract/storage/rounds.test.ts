import { expect, test } from 'vitest';
import { DAMAGES, loseBlob } from '#test/support/damage.ts';
import type { BlobStat } from '#types/meridian/v1/BlobStat.ts';
import type { ScrubRounds } from '#types/meridian/v1/ScrubRounds.ts';
import {
  eventually,
  live,
  openStorageOver,
  parts,
  put,
  removeDirectory,
  someBytes,
  transports,
  type StorageUnderTest,
  type Transport,
} from './harness.ts';

const SIZE = 1000;
const HOUR_MS = 3_600_000;

test.each(transports)('a round tells what it found, and what became of that, %s', async (transport) => {
  const before = await openStorageOver('in process', { settings: { scrubBytesPerSecond: 0 } });
  const blobs: BlobStat[] = [];
  for (const seed of [1, 2, 3, 4]) blobs.push(await put(before.storage, 'team/app', someBytes(SIZE, seed)));
  const none = await before.scrub.rounds({}, live);
  expect(none).toMatchObject({ maxBytesPerSecond: 0, last: null, current: null });
  await before.stop();
  const { dataDir } = before;
  const [flipped, gone, removed] = blobs as [BlobStat, BlobStat, BlobStat, BlobStat];
  await DAMAGES['with a flipped bit'](dataDir, flipped.digest);

  const under = await open(transport, dataDir, HOUR_MS);
  const round = { blobs: 4, bytes: 4 * SIZE, damaged: 1, missing: 0, repaired: 0 };
  await eventually(() => under.scrub.rounds({}, live)).toMatchObject({ last: round, current: null });
  const { last, bytesPerSecond } = await under.scrub.rounds({}, live);
  expect(last?.endedAt).toBeGreaterThanOrEqual(last?.begunAt ?? Infinity);
  expect(bytesPerSecond).toBeGreaterThan(0);
  await bringBack(under, flipped, 1);
  expect(await under.scrub.rounds({}, live)).toMatchObject({ last: { ...round, repaired: 1 } });
  await loseBlob(dataDir, gone.digest);
  await bringBack(under, gone, 2);
  await eventually(() => under.storage.stats({}, live)).toMatchObject({ blobs: 4, bytes: 4 * SIZE });
  const end = { last: { ...last, ...round, missing: 1, repaired: 2 }, current: null };
  expect(await under.scrub.rounds({}, live)).toMatchObject(end);

  // What is removed on purpose is neither missing nor, when it comes again, repaired.
  await under.storage.unpin({ repository: 'team/app', digests: [removed.digest] }, live);
  const unnamed = { unnamed: [removed.digest], named: [], graceMs: 0 };
  for (let i = 0; i < 2; i++) await under.reclaim.review(unnamed, live);
  const swept = await under.reclaim.sweep({ digests: [removed.digest], epoch: 1, graceMs: 0 }, live);
  expect(swept.removed).toEqual([removed]);
  await bringBack(under, removed, 3);
  expect(await under.scrub.rounds({}, live)).toMatchObject(end);

  await under.stop();
  const again = await openStorageOver(transport, { dataDir, settings: { scrubIntervalMs: HOUR_MS } });
  expect(await again.scrub.rounds({}, live)).toMatchObject(end);
  await again.stop();
  await removeDirectory(dataDir);
});

test('a round tells what has gone since the one before', async () => {
  const under = await open('in process', undefined, 1000);
  const { digest } = await put(under.storage, 'team/app', someBytes(SIZE));
  const last = async (): Promise<ScrubRounds['last']> => (await under.scrub.rounds({}, live)).last;
  await eventually(last).toMatchObject({ blobs: 1, missing: 0 });
  await loseBlob(under.dataDir, digest);
  await eventually(last).toMatchObject({ blobs: 0, missing: 1, repaired: 0 });
  await under.stop();
  await removeDirectory(under.dataDir);
});

async function open(
  transport: Transport,
  dataDir: string | undefined,
  scrubIntervalMs: number,
): Promise<StorageUnderTest> {
  const where = dataDir === undefined ? {} : { dataDir };
  return openStorageOver(transport, { ...where, settings: { scrubIntervalMs } });
}

async function bringBack({ storage }: StorageUnderTest, blob: BlobStat, seed: number): Promise<void> {
  await storage.ingest(parts({ header: { repository: '', ...blob } }, someBytes(SIZE, seed)), live);
}
