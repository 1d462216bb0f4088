import { afterEach, describe, expect, it } from 'vitest';
import { parseRepositoryName } from '#libs/oci/name.ts';
import type { TransferSettings } from '#services/replication/settings.ts';
import { TestCatalog } from '#test/support/test-catalog.ts';
import {
  neverAborts,
  soon,
  someBytes,
  startTransferRegion,
  type TransferRegion,
} from '#test/support/transfer-regions.ts';

const repository = parseRepositoryName('team/app');
const context = { signal: neverAborts };
const running: TransferRegion[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((region) => region.stop()));
});

async function start(
  catalog: TestCatalog,
  name: string,
  settings: Partial<TransferSettings> = {},
): Promise<TransferRegion> {
  const region = await startTransferRegion(name, catalog, settings);
  running.push(region);
  return region;
}

describe('the reconcile loop', () => {
  it('fills an empty region, manifests first, and says how far it is', async () => {
    const catalog = new TestCatalog();
    const us = await start(catalog, 'us');
    for (const [i, kind] of (
      ['manifest', 'manifest', 'config', 'layer', 'layer', 'layer'] as const
    ).entries()) {
      const digest = await us.store(someBytes(10_000 + i));
      catalog.blobs.push({ digest, size: 10_000 + i, kind, repository: 'team/app' });
    }
    const bytes = catalog.blobs.reduce((sum, { size }) => sum + size, 0);
    const eu = await start(catalog, 'eu', { maxCopies: 1, maxBackgroundCopies: 1 });
    await expect.poll(() => eu.running.status().watermark, soon).toBe(catalog.revision());
    expect(eu.running.status()).toMatchObject({ missingBlobs: 0, missingBytes: 0, lostBlobs: 0 });
    expect(eu.received.get('us')).toBe(bytes);
    const copied = eu.events.flatMap((event) => (event.kind === 'replica' ? [event.digest] : []));
    expect(copied).toEqual(catalog.blobs.map(({ digest }) => digest));
    await expect
      .poll(() => eu.events, soon)
      .toContainEqual(expect.objectContaining({ kind: 'caught-up', blobs: 6, bytes }));
  });

  it('fetches what a change of the catalog names, at once', async () => {
    const catalog = new TestCatalog();
    const us = await start(catalog, 'us');
    const eu = await start(catalog, 'eu');
    await expect.poll(() => eu.running.status().watermark, soon).toBe(catalog.revision());
    const digest = await us.store(someBytes(1_000));
    catalog.blobs.push({ digest, size: 1_000, kind: 'manifest', repository: 'team/app' });
    catalog.change([{ repository, digest }]);
    await expect.poll(() => eu.holds(digest), soon).toBe(true);
    await expect.poll(() => eu.running.status().watermark, soon).toBe(catalog.revision());
  });

  it('counts what no live region has as lost, and gets it when that region is back', async () => {
    const catalog = new TestCatalog();
    const us = await start(catalog, 'us');
    const digest = await us.store(someBytes(1_000));
    const eu = await start(catalog, 'eu');
    await expect.poll(() => eu.running.status().regions[0]?.roundTripMs, soon).toBeGreaterThan(0);
    await us.cut();
    await expect.poll(() => eu.events, soon).toContainEqual(expect.objectContaining({ kind: 'region-lost' }));
    catalog.blobs.push({ digest, size: 1_000, kind: 'layer', repository: 'team/app' });
    catalog.change([{ repository, digest }]);
    await expect.poll(() => eu.running.status().lostBlobs, soon).toBe(1);
    expect(eu.running.status()).toMatchObject({ watermark: catalog.revision(), missingBlobs: 0 });
    await us.reconnect();
    await expect.poll(() => eu.holds(digest), soon).toBe(true);
    await expect.poll(() => eu.running.status().lostBlobs, soon).toBe(0);
  });

  it('tries again what failed, and holds the watermark back meanwhile', async () => {
    const catalog = new TestCatalog();
    const us = await start(catalog, 'us');
    const digest = await us.store(someBytes(1_000));
    const eu = await start(catalog, 'eu');
    await expect.poll(() => eu.running.status().watermark, soon).toBe(catalog.revision());
    const before = catalog.revision();
    let attempts = 0;
    const read = us.running.peer.read;
    us.serveReads((request, call) => {
      attempts += 1;
      if (attempts <= 2) throw new Error('the disk is tired');
      return read(request, call);
    });
    catalog.blobs.push({ digest, size: 1_000, kind: 'layer', repository: 'team/app' });
    catalog.change([{ repository, digest }]);
    await expect.poll(() => attempts, soon).toBeGreaterThan(0);
    await expect.poll(() => eu.running.status().missingBlobs, soon).toBe(1);
    expect(eu.running.status().watermark).toBe(before);
    await expect.poll(() => eu.holds(digest), soon).toBe(true);
    await expect.poll(() => eu.running.status().watermark, soon).toBe(catalog.revision());
  });
});

describe('what a client waits for', () => {
  const RANGE = 64 * 1024;

  it('comes before what nobody waits for, over a link that the region’s limit has filled', async () => {
    const catalog = new TestCatalog();
    const us = await start(catalog, 'us');
    const size = 32 * RANGE;
    for (let i = 0; i < 4; i++) {
      const digest = await us.store(someBytes(size));
      catalog.blobs.push({ digest, size, kind: 'layer', repository: 'team/app' });
    }
    const wanted = someBytes(16 * RANGE);
    const digest = await us.store(wanted);
    // Four Mbit/s: eight ranges a second.
    const limited = { rangeBytes: RANGE, linkLimits: { us: 4 }, maxBackgroundCopies: 4 };
    const eu = await start(catalog, 'eu', limited);
    const received = (): number => eu.received.get('us') ?? 0;
    await expect.poll(received, soon).toBeGreaterThan(8 * RANGE);
    const before = received();
    await eu.transfer.fetch({ repository: 'team/app', digest, size: wanted.length }, context);
    await eu.running.fetcher
      .fetch({ repository: '', digest, size: wanted.length, priority: 'client' })
      .held(neverAborts);
    const forNobody = received() - before - wanted.length;
    // What was under way, and an eighth of what the client got.
    expect(forNobody).toBeLessThanOrEqual(6 * RANGE);
    const held = await Promise.all(catalog.blobs.map((blob) => eu.holds(blob.digest)));
    expect(held).toContain(false);
  });
});
