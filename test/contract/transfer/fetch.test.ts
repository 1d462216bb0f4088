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

describe('a fetch', () => {
  it('moves a blob once between regions however many ask for it', async () => {
    const [us, eu] = (await start(['us', 'eu'])) as [TransferRegion, TransferRegion];
    const bytes = someBytes(1 * MIB);
    const digest = await us.store(bytes);
    const request = { repository: 'team/app', digest, size: bytes.length };
    const readers = Array.from({ length: 200 }, async () => {
      await eu.transfer.fetch(request, context);
      return (await eu.read(digest)).length;
    });
    expect(new Set(await Promise.all(readers))).toEqual(new Set([bytes.length]));
    expect((await eu.read(digest)).equals(bytes)).toBe(true);
    expect(eu.received).toEqual(new Map([['us', bytes.length]]));
    expect(us.calls.get('read')).toBe(1);

    await eu.transfer.fetch(request, context);
    expect(eu.received.get('us')).toBe(bytes.length);
    await expect
      .poll(() => eu.events, soon)
      .toContainEqual({ kind: 'replica', digest, size: bytes.length, from: 'us' });
  });

  it('begins at the region that the content was pushed to a moment ago, without asking a nearer one', async () => {
    const catalog = new TestCatalog();
    for (const name of ['us', 'eu', 'ap']) running.push(await startTransferRegion(name, catalog, {}));
    const [us, eu, ap] = running as [TransferRegion, TransferRegion, TransferRegion];
    for (const [origin, other] of [
      [us, ap],
      [ap, us],
    ] as const) {
      const bytes = someBytes(1 * MIB);
      const digest = await origin.store(bytes);
      catalog.pushed.set(digest, origin.name);
      const readBefore = other.calls.get('read') ?? 0;
      await eu.transfer.fetch({ repository: 'team/app', digest, size: bytes.length }, context);
      expect((await eu.read(digest)).equals(bytes)).toBe(true);
      expect(other.calls.get('read') ?? 0).toBe(readBefore);
    }
  });

  it('can be read along before the source has sent everything', async () => {
    const [us, eu] = (await start(['us', 'eu'])) as [TransferRegion, TransferRegion];
    const bytes = someBytes(1 * MIB);
    const digest = await us.store(bytes);
    const rest = Promise.withResolvers<undefined>();
    us.serveReads(interrupted(bytes, 8, () => rest.promise));
    await eu.transfer.fetch({ repository: 'team/app', digest, size: bytes.length }, context);
    expect(await eu.holds(digest)).toBe(false);
    const following = eu.storage.read({ digest, offset: 0, length: 0 }, context)[Symbol.asyncIterator]();
    const first = (await following.next()).value as { data: Buffer };
    expect(first.data.equals(bytes.subarray(0, first.data.length))).toBe(true);
    rest.resolve(undefined);
    let read = first.data.length;
    for (let step = await following.next(); step.done !== true; step = await following.next())
      read += step.value.data.length;
    expect(read).toBe(bytes.length);
    // What is verified is given before it is on disk.
    await expect.poll(() => eu.holds(digest), soon).toBe(true);
  });

  it('goes on though the one who asked has gone', async () => {
    const [us, eu] = (await start(['us', 'eu'])) as [TransferRegion, TransferRegion];
    const bytes = someBytes(1 * MIB);
    const digest = await us.store(bytes);
    const asked = Promise.withResolvers<undefined>();
    const rest = Promise.withResolvers<undefined>();
    us.serveReads(
      interrupted(bytes, 0, async () => {
        asked.resolve(undefined);
        await rest.promise;
      }),
    );
    const abort = new AbortController();
    const request = { repository: 'team/app', digest, size: bytes.length };
    const fetching = eu.transfer.fetch(request, { signal: abort.signal });
    await asked.promise;
    abort.abort(new Error('gone'));
    await expect(fetching).rejects.toThrow('gone');
    rest.resolve(undefined);
    await expect.poll(() => eu.holds(digest), soon).toBe(true);
  });

  it('says BLOB_UNKNOWN when every region says that it has none', async () => {
    const [, eu] = (await start(['us', 'eu', 'ap'])) as [TransferRegion, TransferRegion, TransferRegion];
    const digest = `sha256:${'a'.repeat(64)}`;
    const fetching = eu.transfer.fetch({ repository: 'team/app', digest, size: 5 }, context);
    await expect(fetching).rejects.toMatchObject({ code: 'BLOB_UNKNOWN' });
  });

  it('says UNAVAILABLE, and who was not reached, when a region could not be asked', async () => {
    const [us, eu] = (await start(['us', 'eu', 'ap'])) as [TransferRegion, TransferRegion, TransferRegion];
    await us.cut();
    const digest = `sha256:${'a'.repeat(64)}`;
    const request = { repository: 'team/app', digest, size: 5 };
    const expected = { code: 'UNAVAILABLE', detail: { regions: ['us'] } };
    await expect(eu.transfer.fetch(request, context)).rejects.toMatchObject(expected);
    await expect
      .poll(() => eu.events, soon)
      .toContainEqual(expect.objectContaining({ kind: 'region-lost', region: 'us' }));
    await expect(eu.transfer.fetch(request, context)).rejects.toMatchObject(expected);
    await us.reconnect();
    await expect.poll(() => eu.events, soon).toContainEqual({ kind: 'region-back', region: 'us' });
    await expect(eu.transfer.fetch(request, context)).rejects.toMatchObject({ code: 'BLOB_UNKNOWN' });
  });

  it('copies a blob without bytes', async () => {
    const [us, eu] = (await start(['us', 'eu'])) as [TransferRegion, TransferRegion];
    const digest = await us.store(Buffer.alloc(0));
    await eu.transfer.fetch({ repository: 'team/app', digest, size: 0 }, context);
    await expect.poll(() => eu.holds(digest), soon).toBe(true);
  });

  it('does not fill the last of the disk, for a client can be relayed', async () => {
    const [us, eu] = (await start(['us', 'eu'], { minFreeBytes: Number.MAX_SAFE_INTEGER })) as [
      TransferRegion,
      TransferRegion,
    ];
    const digest = await us.store(someBytes(1_000));
    const fetching = eu.transfer.fetch({ repository: 'team/app', digest, size: 1_000 }, context);
    await expect(fetching).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    expect(eu.received.size).toBe(0);
  });
});
