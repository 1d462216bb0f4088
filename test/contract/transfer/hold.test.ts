import { afterEach, describe, expect, it, vi } from 'vitest';
import { parseDigest } from '#libs/oci/digest.ts';
import { parseRepositoryName } from '#libs/oci/name.ts';
import type { HoldRequest } from '#services/replication/catalog/collaborators.ts';
import type { TransferSettings } from '#services/replication/settings.ts';
import { TestCatalog } from '#test/support/test-catalog.ts';
import {
  neverAborts,
  someBytes,
  soon,
  startTransferRegion,
  type TransferRegion,
} from '#test/support/transfer-regions.ts';

const context = { signal: neverAborts };
const repository = parseRepositoryName('team/app');
const running: TransferRegion[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((region) => region.stop()));
});

type Three = [TransferRegion, TransferRegion, TransferRegion];

async function startThree(settings: Partial<TransferSettings> = {}): Promise<Three> {
  return (await start(['us', 'eu', 'ap'], settings)) as Three;
}

async function start(
  names: string[],
  settings: Partial<TransferSettings> = {},
  catalog = new TestCatalog(),
): Promise<TransferRegion[]> {
  for (const name of names) running.push(await startTransferRegion(name, catalog, settings));
  return [...running];
}

function lost(region: TransferRegion): boolean {
  return region.events.some(({ kind }) => kind === 'region-lost');
}

async function pushed(region: TransferRegion, count: number): Promise<HoldRequest['blobs']> {
  const contents = Array.from({ length: count }, () => someBytes(100_000));
  return Promise.all(
    contents.map(async (bytes) => ({ digest: await region.store(bytes), size: bytes.length })),
  );
}

function request(blobs: HoldRequest['blobs'], wanted: number): HoldRequest {
  return {
    pushId: 'p1',
    repository,
    blobs,
    from: 'us',
    regions: ['us', 'eu', 'ap'],
    wanted,
    timeoutMs: 5_000,
  };
}

async function holders(regions: TransferRegion[], blobs: HoldRequest['blobs']): Promise<string[]> {
  const whole = regions.map(async (region) =>
    (await Promise.all(blobs.map(({ digest }) => region.holds(digest)))).every(Boolean),
  );
  const held = await Promise.all(whole);
  return regions.filter((_, i) => held[i]).map(({ name }) => name);
}

describe('a hold', () => {
  it('brings the content to as many regions as wanted, this one first, and pins it there', async () => {
    const [us, eu, ap] = await startThree();
    const blobs = await pushed(us, 5);
    const held = await us.running.holder.hold(request(blobs, 2), neverAborts);
    expect([...held.epochs.keys()]).toHaveLength(2);
    expect(held.epochs.has('us')).toBe(true);
    expect(await holders([us, eu, ap], blobs)).toEqual([...held.epochs.keys()]);
    const other = [eu, ap].find(({ name }) => held.epochs.has(name));
    const digests = blobs.map(({ digest }) => digest);
    const pins = await other?.storage.pins({ repository, digests }, context);
    expect(pins?.blobs).toHaveLength(5);
  });

  describe('with bytes that come along', () => {
    /** Holds two blobs in two regions, one with these bytes, and gives those that were fetched. */
    const fetchedWith = async (
      data: (bytes: Buffer) => Buffer,
    ): Promise<[string[], HoldRequest['blobs']]> => {
      const [us, eu, ap] = await startThree();
      const blobs = await pushed(us, 2);
      const [blob] = blobs;
      if (blob === undefined) throw new Error('There is no blob.');
      const fetched = new Set<string>();
      us.serveReads((asked, called) => {
        fetched.add(asked.digest);
        return us.storage.read(asked, called);
      });
      const along = [{ digest: blob.digest, data: data(await us.read(blob.digest)) }];
      const held = await us.running.holder.hold({ ...request(blobs, 2), along }, neverAborts);
      expect([...held.epochs.keys()]).toHaveLength(2);
      expect(await holders([us, eu, ap], blobs)).toHaveLength(2);
      return [[...fetched].sort(), blobs];
    };

    it('fetches only what did not', async () => {
      const [fetched, blobs] = await fetchedWith((bytes) => bytes);
      expect(fetched).toEqual([blobs[1]?.digest]);
    });

    it('fetches that, too, where they are not those of the digest', async () => {
      const [fetched, blobs] = await fetchedWith(() => someBytes(100_000));
      expect(fetched).toEqual(blobs.map(({ digest }) => digest).sort());
    });
  });

  it('ends once it is certain that regions must not have it', async () => {
    const catalog = new TestCatalog();
    catalog.placements.set(repository, ['us']);
    const [us] = await start(['us', 'eu', 'ap'], { pingIntervalMs: 20 }, catalog);
    if (us === undefined) throw new Error('There is no region.');
    const held = await us.running.holder.hold(
      { ...request(await pushed(us, 1), 2), timeoutMs: 3_600_000 },
      neverAborts,
    );
    expect([[...held.epochs.keys()], held.missing]).toEqual([['us'], ['eu', 'ap']]);
  });

  it('reaches all regions when all are wanted', async () => {
    const [us, eu, ap] = await startThree();
    const blobs = await pushed(us, 3);
    const held = await us.running.holder.hold(request(blobs, 3), neverAborts);
    expect([...held.epochs.keys()].sort()).toEqual(['ap', 'eu', 'us']);
    expect(held.missing).toEqual([]);
    expect(await holders([us, eu, ap], blobs)).toEqual(['us', 'eu', 'ap']);
  });

  it('brings home what a push left in another region', async () => {
    const [us, eu] = await startThree();
    const blobs = [...(await pushed(us, 1)), ...(await pushed(eu, 2))];
    const held = await us.running.holder.hold(request(blobs, 1), neverAborts);
    expect([...held.epochs.keys()]).toEqual(['us']);
    expect(await holders([us], blobs)).toEqual(['us']);
  });

  it('takes another region in the place of one that fails', async () => {
    const [us, eu, ap] = await startThree();
    const blobs = await pushed(us, 2);
    await eu.cut();
    const held = await us.running.holder.hold(request(blobs, 2), neverAborts);
    expect([...held.epochs.keys()]).toEqual(['us', 'ap']);
    expect(await holders([ap], blobs)).toEqual(['ap']);
  });

  it('takes another region in the place of one that is slow', async () => {
    const [us, eu, ap] = await startThree();
    const blobs = await pushed(us, 2);
    const slow = Promise.withResolvers<never>();
    const first = us.running.status().regions[0]?.region;
    const [stuck, other] = first === 'eu' ? [eu, ap] : [ap, eu];
    stuck.serveHold(() => slow.promise);
    const held = await us.running.holder.hold(request(blobs, 2), neverAborts);
    expect([...held.epochs.keys()]).toEqual(['us', other.name]);
    slow.reject(new Error('the test is over'));
  });

  it('names the regions that do not hold everything when too few do', async () => {
    const [us, eu] = await startThree();
    const blobs = await pushed(us, 2);
    await eu.cut();
    const held = await us.running.holder.hold(request(blobs, 3), neverAborts);
    expect([...held.epochs.keys()].sort()).toEqual(['ap', 'us']);
    expect(held.missing).toEqual(['eu']);
  });

  it.each(['was lost before', 'is lost meanwhile'])(
    'waits for a region that %s, and gets it when it is back',
    async (when) => {
      const [us, eu] = (await start(['us', 'eu'])) as [TransferRegion, TransferRegion];
      const blobs = await pushed(us, 3);
      await vi.waitFor(() => expect(us.running.status().regions[0]?.roundTripMs).toBeGreaterThan(0), soon);
      await eu.cut();
      if (when === 'was lost before') await vi.waitFor(() => expect(lost(us)).toBe(true), soon);
      let over = false;
      const holding = us.running.holder
        .hold({ ...request(blobs, 2), timeoutMs: 30_000 }, neverAborts)
        .finally(() => (over = true));
      await vi.waitFor(() => expect(lost(us)).toBe(true), soon);
      expect(over).toBe(false);
      await eu.reconnect();
      expect([...(await holding).epochs.keys()]).toEqual(['us', 'eu']);
      expect(await holders([eu], blobs)).toEqual(['eu']);
    },
  );

  it('names the region that is away when it does not come back in time', async () => {
    const [us, eu] = (await start(['us', 'eu'])) as [TransferRegion, TransferRegion];
    const blobs = await pushed(us, 1);
    await eu.cut();
    const held = await us.running.holder.hold(
      { ...request(blobs, 2), regions: ['us', 'eu'], timeoutMs: 1_000 },
      neverAborts,
    );
    expect([...held.epochs.keys()]).toEqual(['us']);
    expect(held.missing).toEqual(['eu']);
  });

  it('gives up on a region that answers, but goes on lacking what was there', async () => {
    const [us, eu] = (await start(['us', 'eu'])) as [TransferRegion, TransferRegion];
    const blobs = await pushed(us, 1);
    eu.serveHold(async () => ({ region: 'eu', epoch: 0, missing: blobs.map(({ digest }) => digest) }));
    const held = await us.running.holder.hold(
      { ...request(blobs, 2), regions: ['us', 'eu'], timeoutMs: 50_000 },
      neverAborts,
    );
    expect(held.missing).toEqual(['eu']);
    expect(eu.calls.get('hold')).toBe(3);
  });

  it('says which regions lack content that nobody has', async () => {
    const [us] = await startThree();
    const nowhere = { digest: parseDigest(`sha256:${'b'.repeat(64)}`), size: 7 };
    const held = await us.running.holder.hold(request([nowhere], 2), neverAborts);
    expect(held.epochs.size).toBe(0);
    expect([...held.missing].sort()).toEqual(['ap', 'eu', 'us']);
  });

  it('gives up at its deadline', async () => {
    const [us, eu, ap] = await startThree();
    const blobs = await pushed(us, 1);
    const never = Promise.withResolvers<never>();
    for (const region of [eu, ap]) region.serveHold(() => never.promise);
    const held = await us.running.holder.hold({ ...request(blobs, 2), timeoutMs: 1_500 }, neverAborts);
    expect([...held.epochs.keys()]).toEqual(['us']);
    expect([...held.missing].sort()).toEqual(['ap', 'eu']);
    never.reject(new Error('the test is over'));
  });
});
