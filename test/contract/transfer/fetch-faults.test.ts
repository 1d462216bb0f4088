import { afterEach, describe, expect, it } from 'vitest';
import type { TransferSettings } from '#services/replication/settings.ts';
import { TestCatalog } from '#test/support/test-catalog.ts';
import {
  interrupted,
  neverAborts,
  soon,
  someBytes,
  startTransferRegion,
  type TransferRegion,
} from '#test/support/transfer-regions.ts';

const MIB = 1024 * 1024;
const context = { signal: neverAborts };
const running: TransferRegion[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((region) => region.stop()));
});

async function start(names: string[], settings: Partial<TransferSettings> = {}): Promise<TransferRegion[]> {
  const catalog = new TestCatalog();
  for (const name of names) running.push(await startTransferRegion(name, catalog, settings));
  return [...running];
}

const untilAborted = (signal: AbortSignal): Promise<void> =>
  new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)));

describe('a fetch', () => {
  it('goes on at another region, where it was, when its source is killed midway', async () => {
    const [us, eu, ap] = (await start(['us', 'eu', 'ap'], { rangeBytes: 2 * MIB })) as [
      TransferRegion,
      TransferRegion,
      TransferRegion,
    ];
    const bytes = someBytes(4 * MIB);
    const digest = await us.store(bytes);
    await eu.store(bytes);
    const sources = [us, eu];
    let killed: TransferRegion | undefined;
    for (const source of sources) {
      source.serveReads(
        interrupted(bytes, 16, async () => {
          if (killed !== undefined) return;
          killed = source;
          await source.cut();
        }),
      );
    }
    await ap.transfer.fetch({ repository: 'team/app', digest, size: bytes.length }, context);
    await expect.poll(() => ap.holds(digest), soon).toBe(true);
    expect((await ap.read(digest)).equals(bytes)).toBe(true);
    const counts = sources.map(({ name }) => ap.received.get(name) ?? 0);
    expect(killed).toBeDefined();
    expect(Math.min(...counts)).toBeGreaterThan(0);
    expect(counts.reduce((sum, count) => sum + count)).toBe(bytes.length);
  });

  it('replaces a source that sends nothing any more', async () => {
    const [us, eu, ap] = (await start(['us', 'eu', 'ap'], { stallTimeoutMs: 1_000 })) as [
      TransferRegion,
      TransferRegion,
      TransferRegion,
    ];
    const bytes = someBytes(1 * MIB);
    const digest = await us.store(bytes);
    await eu.store(bytes);
    let stalled = 0;
    for (const source of [us, eu]) {
      source.serveReads(
        interrupted(bytes, 4, async (signal) => {
          stalled += 1;
          if (stalled === 1) await untilAborted(signal);
        }),
      );
    }
    await ap.transfer.fetch({ repository: 'team/app', digest, size: bytes.length }, context);
    await expect.poll(() => ap.holds(digest), soon).toBe(true);
    expect((await ap.read(digest)).equals(bytes)).toBe(true);
    expect(ap.received.size).toBe(2);
  });

  it('discards wrong bytes, suspects who sent them, and fetches from another region', async () => {
    const [us, eu, ap] = (await start(['us', 'eu', 'ap'])) as [
      TransferRegion,
      TransferRegion,
      TransferRegion,
    ];
    const bytes = someBytes(1 * MIB);
    const digest = await us.store(bytes);
    await eu.store(bytes);
    const wrong = Buffer.from(bytes);
    wrong[500_000] = (wrong[500_000] ?? 0) ^ 1;
    let liar: TransferRegion | undefined;
    for (const source of [us, eu]) {
      source.serveReads(async function* (request, call) {
        liar ??= source;
        const pieces = interrupted(liar === source ? wrong : bytes, 0, () => Promise.resolve());
        yield* pieces(request, call);
      });
    }
    await ap.transfer.fetch({ repository: 'team/app', digest, size: bytes.length }, context);
    await expect.poll(() => ap.holds(digest), soon).toBe(true);
    expect((await ap.read(digest)).equals(bytes)).toBe(true);
    expect(String(ap.faults[0])).toContain(`The bytes that ${liar?.name ?? ''} sent`);
    expect(liar?.calls.get('read')).toBe(1);
  });

  it('joins a copy that another process of the region makes, and makes its own if that one breaks off', async () => {
    const [us, eu] = (await start(['us', 'eu'])) as [TransferRegion, TransferRegion];
    const bytes = someBytes(1 * MIB);
    const digest = await us.store(bytes);
    const begun = Promise.withResolvers<undefined>();
    const breakOff = Promise.withResolvers<never>();
    const other = eu.storage.ingest(
      (async function* () {
        yield { header: { repository: 'team/app', digest, size: bytes.length } };
        yield { data: bytes.subarray(0, 500_000) };
        begun.resolve(undefined);
        await breakOff.promise;
      })(),
      context,
    );
    await begun.promise;
    await eu.transfer.fetch({ repository: 'team/app', digest, size: bytes.length }, context);
    const first = eu.storage.read({ digest, offset: 0, length: 1 }, context)[Symbol.asyncIterator]();
    expect((await first.next()).value).toEqual({ data: bytes.subarray(0, 1), arriving: true });
    await first.return?.();
    expect(await eu.holds(digest)).toBe(false);
    breakOff.reject(new Error('that process was killed'));
    await expect(other).rejects.toThrow('that process was killed');
    await expect.poll(() => eu.holds(digest), soon).toBe(true);
    expect((await eu.read(digest)).equals(bytes)).toBe(true);
  });
});
