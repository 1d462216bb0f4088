import { afterEach, describe, expect, it } from 'vitest';
import { digestOf } from '#libs/oci/digest.ts';
import { MAX_CHUNK_BYTES } from '#libs/rpc/limits.ts';
import type { TransferSettings } from '#services/replication/settings.ts';
import { TestCatalog } from '#test/support/test-catalog.ts';
import {
  neverAborts,
  someBytes,
  soon,
  startTransferRegion,
  type TransferRegion,
} from '#test/support/transfer-regions.ts';

const repository = 'team/app';
const context = { signal: neverAborts };
const running: TransferRegion[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((region) => region.stop()));
});

type Two = [TransferRegion, TransferRegion];

/** Starts the regions, of which the first has met the others. */
async function start(names: string[], settings: Partial<TransferSettings> = {}): Promise<TransferRegion[]> {
  const catalog = new TestCatalog();
  for (const name of names) running.push(await startTransferRegion(name, catalog, settings));
  await running[0]?.running.directory.pingAll();
  return [...running];
}

/** Tells of a blob that the region holds, and that was just uploaded to it. */
function tell({ name, transfer }: TransferRegion, digest: string, size: number, isNew = true) {
  return transfer.announce({ region: name, repository, digest, size, isNew }, context);
}

async function copyOf(region: TransferRegion, digest: string): Promise<Buffer> {
  await expect.poll(() => region.holds(digest), soon).toBe(true);
  return region.read(digest);
}

describe('an announcement', () => {
  it('makes the nearest region copy the blob before it is asked to hold it', async () => {
    const [us, ...others] = (await start(['us', 'eu', 'ap'])) as [TransferRegion, ...Two];
    const bytes = someBytes(2 * MAX_CHUNK_BYTES);
    const digest = await us.store(bytes);
    await tell(us, digest, bytes.length);
    const copies = async (): Promise<number> =>
      (await Promise.all(others.map((region) => region.holds(digest)))).filter(Boolean).length;
    await expect.poll(copies, soon).toBe(1);
    expect(us.calls.get('read')).toBeGreaterThan(0);
  });

  it('brings all of a small blob along, which is pinned there', async () => {
    const [us, eu] = (await start(['us', 'eu'])) as Two;
    const bytes = someBytes(MAX_CHUNK_BYTES);
    const digest = await us.store(bytes);
    await tell(us, digest, bytes.length);
    expect((await copyOf(eu, digest)).equals(bytes)).toBe(true);
    expect(us.calls.get('read')).toBeUndefined();
    expect(eu.received.get('us')).toBe(bytes.length);
    const pins = await eu.storage.pins({ repository, digests: [digest] }, context);
    expect(pins.blobs).toEqual([{ digest, size: bytes.length }]);
    expect(eu.events).toContainEqual(expect.objectContaining({ kind: 'replica', digest, from: 'us' }));
  });

  it('brings nothing along that lies in a third region', async () => {
    const [us, eu, ap] = (await start(['us', 'eu', 'ap'])) as [...Two, TransferRegion];
    const bytes = someBytes(1_000);
    const digest = await ap.store(bytes);
    const blob = { region: 'ap', repository, digest, size: bytes.length, isNew: true };
    await us.transfer.announce(blob, context);
    const told = (): boolean => (eu.calls.get('announce') ?? 0) + (ap.calls.get('announce') ?? 0) > 0;
    await expect.poll(told, soon).toBe(true);
    if (eu.calls.has('announce')) await copyOf(eu, digest);
    expect(us.faults).toEqual([]);
  });

  it('brings nothing along that was there before, as what is mounted', async () => {
    const [us, eu] = (await start(['us', 'eu'])) as Two;
    const bytes = someBytes(1_000);
    const digest = await us.store(bytes);
    await tell(us, digest, bytes.length, false);
    expect((await copyOf(eu, digest)).equals(bytes)).toBe(true);
    expect(us.calls.get('read')).toBe(1);
  });

  it.each([{ linkLimits: { us: 1_000 } }, { backgroundLimits: { us: 1_000 } }])(
    'brings nothing along where what comes has a limit: %j',
    async (limits) => {
      const [us, eu] = (await start(['us', 'eu'], limits)) as Two;
      const bytes = someBytes(1_000);
      const digest = await us.store(bytes);
      await tell(us, digest, bytes.length);
      expect((await copyOf(eu, digest)).equals(bytes)).toBe(true);
      expect(us.calls.get('read')).toBe(1);
    },
  );

  it('brings nothing along beyond the memory for what comes unasked, at either end', async () => {
    const [us, eu] = (await start(['us', 'eu'], { readAheadBytes: 1_000 })) as Two;
    const bytes = someBytes(1_000);
    const digest = await us.store(bytes);
    await tell(us, digest, bytes.length);
    expect((await copyOf(eu, digest)).equals(bytes)).toBe(true);
    expect(us.calls.get('read')).toBe(1);
    const more = someBytes(1_000);
    const blob = { region: 'us', repository, digest: await us.store(more), size: more.length };
    await eu.running.peer.announce({ ...blob, data: more }, context);
    expect((await copyOf(eu, blob.digest)).equals(more)).toBe(true);
    expect(us.calls.get('read')).toBe(2);
  });

  it('needs that memory only until they are stored', async () => {
    const [us, eu] = (await start(['us', 'eu'], { readAheadBytes: 8_000 })) as Two;
    for (let i = 0; i < 20; i++) {
      const digest = await us.store(someBytes(1_000));
      await tell(us, digest, 1_000);
      await copyOf(eu, digest);
    }
    expect(us.calls.get('read')).toBeUndefined();
  });

  it('discards wrong bytes that came along, suspects who sent them, and fetches from another region', async () => {
    const [us, eu, ap] = (await start(['us', 'eu', 'ap'])) as [...Two, TransferRegion];
    const bytes = someBytes(1_000);
    const digest = digestOf(bytes);
    for (const region of [us, ap]) await region.store(bytes);
    const blob = { region: 'us', repository, digest, size: bytes.length };
    await eu.running.peer.announce({ ...blob, data: someBytes(bytes.length) }, context);
    expect((await copyOf(eu, digest)).equals(bytes)).toBe(true);
    expect(String(eu.faults[0])).toContain('The bytes that us sent');
    expect(us.calls.get('read')).toBeUndefined();
    expect(ap.calls.get('read')).toBe(1);
  });

  it('fetches a blob of which only a part came along', async () => {
    const [us, eu] = (await start(['us', 'eu'])) as Two;
    const bytes = someBytes(1_000);
    const digest = await us.store(bytes);
    const blob = { region: 'us', repository, digest, size: bytes.length };
    await eu.running.peer.announce({ ...blob, data: bytes.subarray(1) }, context);
    expect((await copyOf(eu, digest)).equals(bytes)).toBe(true);
    expect(eu.faults).toEqual([]);
  });

  it('brings back no pin that was given up while the bytes were on their way', async () => {
    const [us, eu] = (await start(['us', 'eu'])) as Two;
    const bytes = someBytes(1_000);
    const digest = digestOf(bytes);
    await eu.storage.unpin({ repository, digests: [digest] }, context);
    const blob = { region: us.name, repository, digest, size: bytes.length };
    await eu.running.peer.announce({ ...blob, data: bytes }, context);
    await copyOf(eu, digest);
    const pins = await eu.storage.pins({ repository, digests: [digest] }, context);
    expect(pins.blobs).toEqual([]);
  });

  it('is joined by a hold while what it brought is being stored', async () => {
    const [us, eu] = (await start(['us', 'eu'])) as Two;
    const bytes = someBytes(500_000);
    const digest = await us.store(bytes);
    await tell(us, digest, bytes.length);
    await expect.poll(() => eu.calls.get('announce'), soon).toBe(1);
    const content = {
      pushId: 'p1',
      repository,
      blobs: [{ digest, size: bytes.length }],
      from: 'us',
      along: [],
    };
    const held = await eu.running.peer.hold(content, context);
    expect(held.missing).toEqual([]);
    expect(us.calls.get('read')).toBeUndefined();
  });
});
