import { describe, expect, onTestFinished, test } from 'vitest';
import { DAMAGES, loseBlob } from '#test/support/damage.ts';
import type { BlobStat } from '#types/meridian/v1/BlobStat.ts';
import type { LostPin } from '#types/meridian/v1/LostPin.ts';
import {
  live,
  openStorageOver,
  parts,
  put,
  removeDirectory,
  someBytes,
  transports,
  type StorageUnderTest,
} from './harness.ts';

const REPOSITORY = 'team/app';
const settings = { scrubBytesPerSecond: 0 };

describe.each(transports)('what storage keeps for healing, %s', (transport) => {
  const open = async (dataDir?: string): Promise<StorageUnderTest> => {
    const where = dataDir === undefined ? {} : { dataDir };
    const under = await openStorageOver(transport, { settings, ...where });
    onTestFinished(async () => {
      await under.stop();
      await removeDirectory(under.dataDir);
    });
    return under;
  };

  test('pins of what is not held any more are told, and what of that is in quarantine', async () => {
    const under = await open();
    const blobs = [];
    for (const seed of [1, 2, 3]) blobs.push(await put(under.storage, REPOSITORY, someBytes(1000, seed)));
    const [flipped, gone] = blobs as [BlobStat, BlobStat, BlobStat];
    expect(await lostPins(under)).toEqual([]);
    await DAMAGES['with a flipped bit'](under.dataDir, flipped.digest);
    await loseBlob(under.dataDir, gone.digest);
    for await (const _ of under.scrub.verify({ digests: [] }, live));
    const pins = [
      { repository: REPOSITORY, ...flipped, damaged: true },
      { repository: REPOSITORY, ...gone, damaged: false },
    ];
    expect(await lostPins(under)).toEqual(pins.sort((a, b) => (a.digest < b.digest ? -1 : 1)));

    await under.storage.unpin({ repository: REPOSITORY, digests: [gone.digest] }, live);
    const header = { repository: '', ...flipped };
    await under.storage.ingest(parts({ header }, someBytes(1000, 1)), live);
    expect(await lostPins(under)).toEqual([]);
  });

  const report = { sort: 'verify', run: 'one', running: true, json: '{"checked":1}' };

  test('a report is told again as it was told last, each sort by itself', async () => {
    const { scrub } = await open();
    const none = { sort: 'verify', run: '', running: false, json: '' };
    expect(await scrub.getReport({ sort: 'verify' }, live)).toEqual(none);
    expect(await scrub.keepReport(report, live)).toEqual(report);
    const ended = { ...report, running: false, json: '{"checked":2}' };
    expect(await scrub.keepReport(ended, live)).toEqual(ended);
    await scrub.keepReport({ ...report, sort: 'repair' }, live);
    expect(await scrub.getReport({ sort: 'verify' }, live)).toEqual(ended);
    expect(await scrub.getReport({ sort: 'collect' }, live)).toMatchObject({ run: '' });
  });

  test('a run that goes on is not replaced, and one that has ended is', async () => {
    const { scrub } = await open();
    const other = { ...report, run: 'other' };
    await scrub.keepReport(report, live);
    expect(await scrub.keepReport(other, live)).toEqual(report);
    await scrub.keepReport({ ...report, running: false }, live);
    expect(await scrub.keepReport(other, live)).toEqual(other);
  });

  test('what outlives a restart is the report, not that it goes on', async () => {
    const before = await openStorageOver(transport, { settings });
    await before.scrub.keepReport(report, live);
    await before.stop();
    const { scrub } = await open(before.dataDir);
    expect(await scrub.getReport({ sort: 'verify' }, live)).toEqual({ ...report, running: false });
    expect(await scrub.keepReport({ ...report, run: 'next' }, live)).toMatchObject({ run: 'next' });
  });

  test('only so much is kept', async () => {
    const { scrub } = await open();
    const large = { ...report, json: ' '.repeat(300_000) };
    await expect(scrub.keepReport(large, live)).rejects.toMatchObject({ code: 'TOO_LARGE' });
    const strange = { ...report, sort: 'strange' };
    await expect(scrub.keepReport(strange, live)).rejects.toMatchObject({ code: 'REQUEST_INVALID' });
  });
});

async function lostPins({ scrub }: StorageUnderTest): Promise<LostPin[]> {
  const pins: LostPin[] = [];
  for await (const pin of scrub.lostPins({}, live)) pins.push(pin);
  return pins;
}
