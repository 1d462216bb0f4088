import { afterEach, describe, expect, it } from 'vitest';
import { digestOf } from '#libs/oci/digest.ts';
import { RegistryError } from '#libs/oci/errors.ts';
import type { TransferSettings } from '#services/replication/settings.ts';
import { TestCatalog } from '#test/support/test-catalog.ts';
import {
  neverAborts,
  soon,
  someBytes,
  startTransferRegion,
  type TransferRegion,
} from '#test/support/transfer-regions.ts';

const KIB = 1024;
const RANGE = 64 * KIB;
const context = { signal: neverAborts };
const running: TransferRegion[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((region) => region.stop()));
});

type Regions = [TransferRegion, TransferRegion, TransferRegion];

async function start(names: string[], settings: Partial<TransferSettings> = {}): Promise<Regions> {
  const catalog = new TestCatalog();
  const small = { rangeBytes: RANGE, ...settings };
  for (const name of names) running.push(await startTransferRegion(name, catalog, small));
  return [...running] as Regions;
}

/** Notes what is asked for, and lets something happen before it is answered. */
function onRead(
  region: TransferRegion,
  then: (offset: number, signal: AbortSignal) => Promise<void> | void,
): void {
  const { read } = region.running.peer;
  region.serveReads(async function* (request, call) {
    await then(request.offset, call.signal);
    yield* read(request, call);
  });
}

/** The first range is answered once another has been asked for. */
function answerLaterRangesFirst(region: TransferRegion): void {
  const later = Promise.withResolvers<undefined>();
  onRead(region, async (offset) => {
    if (offset === 0) await later.promise;
    else later.resolve(undefined);
  });
}

describe('a large blob', () => {
  it('comes in ranges, each of them once', async () => {
    const [us, eu] = await start(['us', 'eu']);
    const bytes = someBytes(16 * RANGE + 1);
    const digest = await us.store(bytes);
    const asked: number[] = [];
    onRead(us, (offset) => void asked.push(offset));
    await eu.transfer.fetch({ repository: '', digest, size: bytes.length }, context);
    expect((await eu.read(digest)).equals(bytes)).toBe(true);
    expect(asked.sort((a, b) => a - b)).toEqual(Array.from({ length: 17 }, (_, i) => i * RANGE));
    expect(eu.received.get('us')).toBe(bytes.length);
  });

  it('is read along as its beginning comes, though later ranges are there before it', async () => {
    const [us, eu] = await start(['us', 'eu']);
    const bytes = someBytes(8 * RANGE);
    const digest = await us.store(bytes);
    const second = Promise.withResolvers<undefined>();
    const later = Promise.withResolvers<undefined>();
    onRead(us, async (offset) => {
      if (offset === RANGE) await second.promise;
      if (offset > RANGE) later.resolve(undefined);
    });
    await eu.transfer.fetch({ repository: '', digest, size: bytes.length }, context);
    const first = eu.storage.read({ digest, offset: 0, length: RANGE }, context);
    let read = 0;
    for await (const { data } of first) read += data.length;
    expect(read).toBe(RANGE);
    await later.promise;
    expect(await eu.holds(digest)).toBe(false);
    second.resolve(undefined);
    await expect.poll(() => eu.holds(digest), soon).toBe(true);
    expect((await eu.read(digest)).equals(bytes)).toBe(true);
  });

  it('is asked for in all its ranges at once by a client, before the first has come', async () => {
    const [us, eu] = await start(['us', 'eu']);
    const bytes = someBytes(8 * RANGE);
    const digest = await us.store(bytes);
    answerLaterRangesFirst(us);
    await eu.transfer.fetch({ repository: '', digest, size: bytes.length }, context);
    expect((await eu.read(digest)).equals(bytes)).toBe(true);
    expect(eu.received.get('us')).toBe(bytes.length);
  });

  it('comes from whoever has it though it was asked for elsewhere', async () => {
    const [us, eu, ap] = await start(['us', 'eu', 'ap']);
    const bytes = someBytes(8 * RANGE);
    const digest = await us.store(bytes);
    answerLaterRangesFirst(eu);
    const copy = { repository: '', digest, size: bytes.length, from: 'eu', priority: 'client' } as const;
    await ap.running.fetcher.fetch(copy).held(neverAborts);
    expect((await ap.read(digest)).equals(bytes)).toBe(true);
    expect([...ap.received]).toEqual([['us', bytes.length]]);
  });

  it('takes no more memory than it may while one range is late', async () => {
    const [us, eu] = await start(['us', 'eu'], { readAheadBytes: 2 * RANGE });
    const bytes = someBytes(32 * RANGE);
    const digest = await us.store(bytes);
    const late = Promise.withResolvers<undefined>();
    const asked = new Set<number>();
    onRead(us, async (offset) => {
      asked.add(offset);
      if (offset === RANGE) await late.promise;
    });
    await eu.transfer.fetch({ repository: '', digest, size: bytes.length }, context);
    // The one that is late, and two beyond it.
    await expect.poll(() => asked.size, soon).toBe(4);
    expect(Math.max(...asked)).toBe(3 * RANGE);
    late.resolve(undefined);
    await expect.poll(() => eu.holds(digest), soon).toBe(true);
    expect(Math.max(...asked)).toBe(31 * RANGE);
  });

  it('gets a range that breaks off from another region, from where it was', async () => {
    const [us, eu, ap] = await start(['us', 'eu', 'ap']);
    const bytes = someBytes(12 * RANGE);
    const digest = await us.store(bytes);
    await eu.store(bytes);
    const sent = { broken: 0 };
    for (const source of [us, eu]) {
      const { read } = source.running.peer;
      source.serveReads(async function* (request, call) {
        if (request.offset !== 5 * RANGE || sent.broken > 0) {
          yield* read(request, call);
          return;
        }
        sent.broken = 1_000;
        yield { data: bytes.subarray(request.offset, request.offset + sent.broken) };
        throw new Error('the disk is tired');
      });
    }
    await ap.transfer.fetch({ repository: '', digest, size: bytes.length }, context);
    await expect.poll(() => ap.holds(digest), soon).toBe(true);
    expect((await ap.read(digest)).equals(bytes)).toBe(true);
    expect(sent.broken).toBe(1_000);
    expect([...ap.received.keys()].sort()).toEqual(['eu', 'us']);
    expect([...ap.received.values()].reduce((sum, count) => sum + count)).toBe(bytes.length);
  });

  it('comes to its end from the only region that has it, though each of its connections breaks once', async () => {
    const [us, eu] = await start(['us', 'eu']);
    const bytes = someBytes(8 * RANGE);
    const digest = await us.store(bytes);
    const broken = new Set<number>();
    onRead(us, (offset) => {
      if (offset === 0 || broken.has(offset)) return;
      broken.add(offset);
      throw new Error('the connection is tired');
    });
    await eu.transfer.fetch({ repository: '', digest, size: bytes.length }, context);
    await expect.poll(() => eu.holds(digest), soon).toBe(true);
    expect(broken.size).toBe(7);
    expect(eu.received.get('us')).toBe(bytes.length);
  });

  it('is fetched again from one region when a range of it was wrong', async () => {
    const [us, eu, ap] = await start(['us', 'eu', 'ap']);
    const bytes = someBytes(8 * RANGE);
    const digest = await us.store(bytes);
    await eu.store(bytes);
    let liar: TransferRegion | undefined;
    for (const source of [us, eu]) {
      const { read } = source.running.peer;
      source.serveReads(async function* (request, call) {
        for await (const { data } of read(request, call)) {
          if (request.offset === 3 * RANGE) liar ??= source;
          const wrong = Buffer.from(data);
          wrong[7] = (wrong[7] ?? 0) ^ 1;
          yield { data: liar === source && request.offset === 3 * RANGE ? wrong : data };
        }
      });
    }
    await ap.transfer.fetch({ repository: '', digest, size: bytes.length }, context);
    await expect.poll(() => ap.holds(digest), soon).toBe(true);
    expect((await ap.read(digest)).equals(bytes)).toBe(true);
    expect(String(ap.faults[0])).toContain(`The bytes that ${liar?.name ?? ''} sent`);
  });

  it('is given up at once when the region that sent it has lost it, and no other has it', async () => {
    const [us, , ap] = await start(['us', 'eu', 'ap']);
    const bytes = someBytes(8 * RANGE);
    const digest = digestOf(bytes);
    us.serveReads(async function* ({ offset, length }) {
      yield { data: bytes.subarray(offset, offset + length / 2) };
      throw new RegistryError('BLOB_UNKNOWN', 'It is gone.');
    });
    const asked = { repository: '', digest, size: bytes.length, from: 'us', priority: 'client' } as const;
    const copy = ap.running.fetcher.fetch(asked).held(neverAborts);
    await expect(copy).rejects.toMatchObject({ code: 'BLOB_UNKNOWN' });
    // Once for each range that was under way, and at the beginning.
    expect(us.calls.get('stat') ?? 0).toBeLessThanOrEqual(1 + bytes.length / RANGE);
  });
});
