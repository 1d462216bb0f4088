import { describe, expect, onTestFinished, test } from 'vitest';
import {
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
  type Transport,
} from './harness.ts';

const GRACE_MS = 1000;
const PIN_MS = 10_000;
const REPOSITORY = 'team/app';

describe.each(transports)('reclaiming what nothing needs, %s', (transport) => {
  test('a blob that is neither named nor pinned goes after being unused and condemned for the grace each, and not earlier', async () => {
    const { under, clock } = await open(transport);
    const blob = await put(under.storage, REPOSITORY, someBytes(1000));
    await expectKept(under, blob.digest);
    clock.now += PIN_MS;
    await expectKept(under, blob.digest);
    clock.now += GRACE_MS - 1;
    await expectKept(under, blob.digest);
    clock.now += 1;
    await expectKept(under, blob.digest);
    clock.now += GRACE_MS - 1;
    await expectKept(under, blob.digest);
    clock.now += 1;
    expect(await sweep(under, [blob.digest], 1)).toEqual([blob]);
    expect(await heldOf(under, blob.digest)).toEqual([]);
    expect(await under.storage.stats({}, live)).toMatchObject({ blobs: 0, bytes: 0 });
    await expect(read(under.storage, blob.digest)).rejects.toMatchObject({ code: 'BLOB_UNKNOWN' });
  });

  test('a pin takes a condemned blob back, as a mount or a hold makes it', async () => {
    const { under, clock } = await open(transport);
    const blob = await put(under.storage, REPOSITORY, someBytes(1000));
    await condemn(under, clock, blob.digest);
    await under.storage.hold(
      { pushId: 'p', repository: 'other/app', blobs: [blob], epoch: 0, unlessGivenUp: false },
      live,
    );
    clock.now += PIN_MS + GRACE_MS;
    expect(await sweep(under, [blob.digest], 1)).toEqual([]);
    const { blobs } = await under.reclaim.describe({ digests: [blob.digest] }, live);
    expect(blobs).toMatchObject([{ unusedSince: 0, condemnedAt: 0 }]);
  });

  test('an upload of the same content takes a condemned blob back', async () => {
    const { under, clock } = await open(transport);
    const bytes = someBytes(1000);
    const blob = await put(under.storage, REPOSITORY, bytes);
    await condemn(under, clock, blob.digest);
    const { id } = await under.uploads.create({ repository: REPOSITORY, algorithm: '' }, live);
    await under.uploads.write(parts({ target: { id, repository: REPOSITORY, offset: 0 } }, bytes), live);
    await under.uploads.finish({ id, repository: REPOSITORY, digest: blob.digest }, live);
    expect(await sweep(under, [blob.digest], 1)).toEqual([]);
    expect(await read(under.storage, blob.digest)).toEqual(bytes);
  });

  test('a blob that the catalog names again is taken back', async () => {
    const { under, clock } = await open(transport);
    const blob = await put(under.storage, REPOSITORY, someBytes(1000));
    await condemn(under, clock, blob.digest);
    await under.reclaim.review({ unnamed: [], named: [blob.digest], graceMs: GRACE_MS }, live);
    clock.now += GRACE_MS;
    expect(await sweep(under, [blob.digest], 1)).toEqual([]);
  });

  test('a pin of the collection’s epoch keeps the blob even when it has expired: the push that counted it may be about to commit', async () => {
    const { under, clock } = await open(transport);
    const blob = await put(under.storage, REPOSITORY, someBytes(1000));
    await under.storage.hold(
      { pushId: 'p', repository: REPOSITORY, blobs: [blob], epoch: 3, unlessGivenUp: false },
      live,
    );
    await condemn(under, clock, blob.digest);
    clock.now += GRACE_MS;
    expect(await sweep(under, [blob.digest], 3)).toEqual([]);
    await condemn(under, clock, blob.digest);
    clock.now += GRACE_MS;
    expect(await sweep(under, [blob.digest], 4)).toEqual([blob]);
  });

  test('a hold answers with the epoch that its pins carry, which is at least the one asked for, and survives a restart', async () => {
    const { under, clock } = await open(transport);
    const blob = await put(under.storage, REPOSITORY, someBytes(1000));
    const hold = (on: StorageUnderTest, epoch: number) =>
      on.storage.hold(
        { pushId: 'p', repository: REPOSITORY, blobs: [blob], epoch, unlessGivenUp: false },
        live,
      );
    expect(await hold(under, 0)).toMatchObject({ epoch: 0 });
    expect(await hold(under, 2)).toMatchObject({ epoch: 2 });
    await sweep(under, [], 5);
    expect(await hold(under, 2)).toMatchObject({ epoch: 5 });
    await under.stop();
    const again = await openAgain(transport, under.dataDir, clock);
    expect(await hold(again, 0)).toMatchObject({ epoch: 5 });
  });

  test('a blob that is read while it goes is read to its end', async () => {
    const { under, clock } = await open(transport);
    const bytes = someBytes(3 * 1024 * 1024);
    const blob = await put(under.storage, REPOSITORY, bytes);
    const chunks: Buffer[] = [];
    for await (const { data } of under.storage.read({ digest: blob.digest, offset: 0, length: 0 }, live)) {
      if (chunks.length === 0) {
        await condemn(under, clock, blob.digest);
        clock.now += GRACE_MS;
        expect(await sweep(under, [blob.digest], 1)).toEqual([blob]);
      }
      chunks.push(data);
    }
    expect(Buffer.concat(chunks)).toEqual(bytes);
  });

  test('a blob that arrives again from another region is not removed from under it', async () => {
    const { under, clock } = await open(transport);
    const bytes = someBytes(1000);
    const blob = await put(under.storage, REPOSITORY, bytes);
    await condemn(under, clock, blob.digest);
    clock.now += GRACE_MS;
    await sweep(under, [blob.digest], 1);
    const source = valve({ repository: REPOSITORY, ...blob });
    const arriving = under.storage.ingest(source.messages, live);
    source.give(bytes);
    expect(await sweep(under, [blob.digest], 2)).toEqual([]);
    source.end();
    await arriving;
    expect(await read(under.storage, blob.digest)).toEqual(bytes);
  });

  test('expired pins of earlier epochs are forgotten, the others stay', async () => {
    const { under, clock } = await open(transport);
    const old = await put(under.storage, REPOSITORY, someBytes(1000, 1));
    clock.now += PIN_MS;
    const young = await put(under.storage, REPOSITORY, someBytes(1000, 2));
    expect(await under.reclaim.expirePins({ epoch: 0 }, live)).toEqual({ pins: 0 });
    expect(await under.reclaim.expirePins({ epoch: 1 }, live)).toEqual({ pins: 1 });
    const { blobs } = await under.reclaim.describe({ digests: [old.digest, young.digest] }, live);
    expect(blobs.map(({ pins }) => pins.length)).toEqual([0, 1]);
  });
});

interface TestClock {
  now: number;
}

async function open(transport: Transport): Promise<{ under: StorageUnderTest; clock: TestClock }> {
  const clock = { now: 1_000_000 };
  const opened = await openStorageOver(transport, { clock: () => clock.now, settings });
  let stopped: Promise<void> | undefined;
  const under = { ...opened, stop: () => (stopped ??= opened.stop()) };
  onTestFinished(async () => {
    await under.stop();
    await removeDirectory(under.dataDir);
  });
  return { under, clock };
}

async function openAgain(transport: Transport, dataDir: string, clock: TestClock): Promise<StorageUnderTest> {
  const again = await openStorageOver(transport, { clock: () => clock.now, settings, dataDir });
  onTestFinished(() => again.stop());
  return again;
}

const settings = { pinLifetimeMs: PIN_MS };

/** Until the blob is condemned: its pin expires and the grace passes. */
async function condemn(under: StorageUnderTest, clock: TestClock, digest: string): Promise<void> {
  clock.now += PIN_MS;
  await review(under, digest);
  clock.now += GRACE_MS;
  expect(await review(under, digest)).toMatchObject({ condemned: 1 });
}

function review({ reclaim }: StorageUnderTest, digest: string) {
  return reclaim.review({ unnamed: [digest], named: [], graceMs: GRACE_MS }, live);
}

async function expectKept(under: StorageUnderTest, digest: string): Promise<void> {
  await review(under, digest);
  expect(await sweep(under, [digest], 1)).toEqual([]);
  expect(await heldOf(under, digest)).toHaveLength(1);
}

async function sweep({ reclaim }: StorageUnderTest, digests: string[], epoch: number): Promise<object[]> {
  const { removed } = await reclaim.sweep({ digests, epoch, graceMs: GRACE_MS }, live);
  return removed;
}

async function heldOf({ storage }: StorageUnderTest, digest: string): Promise<object[]> {
  return (await storage.stat({ digests: [digest] }, live)).blobs;
}
