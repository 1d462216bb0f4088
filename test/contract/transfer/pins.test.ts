import { afterEach, describe, expect, it } from 'vitest';
import { digestOf, parseDigest } from '#libs/oci/digest.ts';
import { parseRepositoryName } from '#libs/oci/name.ts';
import { TestCatalog } from '#test/support/test-catalog.ts';
import {
  interrupted,
  neverAborts,
  someBytes,
  soon,
  startTransferRegion,
  type TransferRegion,
} from '#test/support/transfer-regions.ts';

const context = { signal: neverAborts };
const repository = parseRepositoryName('team/app');
const names = ['us', 'eu', 'ap'];
const running: TransferRegion[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((region) => region.stop()));
});

async function startThree(): Promise<[TransferRegion, TransferRegion, TransferRegion]> {
  const catalog = new TestCatalog();
  for (const name of names) running.push(await startTransferRegion(name, catalog));
  return [...running] as [TransferRegion, TransferRegion, TransferRegion];
}

async function pinnedIn(regions: TransferRegion[], digest: string): Promise<string[]> {
  const found = await Promise.all(
    regions.map(({ storage }) => storage.pins({ repository, digests: [digest] }, context)),
  );
  return regions.filter((_, i) => found[i]?.blobs.length === 1).map(({ name }) => name);
}

describe('giving a blob up', () => {
  it('ends its pins in every region', async () => {
    const [us, eu, ap] = await startThree();
    const bytes = someBytes(1000);
    const digest = await eu.store(bytes);
    await ap.store(bytes);
    const unpinned = await us.running.pins.unpin(repository, digest, names, neverAborts);
    expect(unpinned).toEqual({ done: ['ap', 'eu', 'us'], pinned: true, unreachable: [] });
    expect(await pinnedIn([us, eu, ap], digest)).toEqual([]);
    const found = await ap.running.pins.find(repository, [digest], neverAborts);
    expect(found).toEqual({ sizes: new Map(), givenUp: new Set([digest]), unreachable: [] });
    const again = await us.running.pins.unpin(repository, digest, names, neverAborts);
    expect(again.pinned).toBe(false);
  });

  it('says which regions did not answer, and is done when they are back', async () => {
    const [us, eu, ap] = await startThree();
    const digest = await eu.store(someBytes(1000));
    await eu.cut();
    const first = await us.running.pins.unpin(repository, digest, [...names, 'unmet'], neverAborts);
    expect(first).toEqual({ done: ['ap', 'us'], pinned: false, unreachable: ['eu', 'unmet'] });
    await eu.reconnect();
    const second = async () => {
      const { pinned, unreachable } = await us.running.pins.unpin(repository, digest, names, neverAborts);
      return { pinned, unreachable };
    };
    await expect.poll(second, soon).toEqual({ pinned: true, unreachable: [] });
    expect(await pinnedIn([us, eu, ap], digest)).toEqual([]);
  });

  it('holds against the copy of an announced blob that is still on its way', async () => {
    const catalog = new TestCatalog();
    const us = await startTransferRegion('us', catalog);
    const eu = await startTransferRegion('eu', catalog);
    running.push(us, eu);
    const bytes = someBytes(2_000_000);
    const digest = digestOf(bytes);
    await us.store(bytes);
    const [paused, goOn] = [Promise.withResolvers<undefined>(), Promise.withResolvers<undefined>()];
    us.serveReads(
      interrupted(bytes, 3, async () => {
        paused.resolve(undefined);
        await goOn.promise;
      }),
    );
    await us.transfer.announce(
      { region: 'us', repository, digest, size: bytes.length, isNew: true },
      context,
    );
    await paused.promise;
    const unpinned = await us.running.pins.unpin(repository, digest, ['us', 'eu'], neverAborts);
    expect(unpinned).toMatchObject({ pinned: true, unreachable: [] });
    goOn.resolve(undefined);
    await expect.poll(() => eu.holds(digest), soon).toBe(true);
    expect(await pinnedIn([us, eu], digest)).toEqual([]);
  });
});

it('A copy that was made for a reader gives the repository no pin', async () => {
  const [us, eu] = await startThree();
  const bytes = someBytes(1000);
  const digest = await us.store(bytes);
  await eu.transfer.fetch({ repository, digest, size: bytes.length }, context);
  await expect.poll(() => eu.holds(digest), soon).toBe(true);
  expect(await pinnedIn([us, eu], digest)).toEqual(['us']);
});

describe('a search for pins', () => {
  it('finds what any region has pinned for the repository', async () => {
    const [us, eu, ap] = await startThree();
    const here = await us.store(someBytes(10));
    const there = await ap.store(someBytes(20));
    const others = await eu.store(someBytes(30), 'team/other');
    const found = await us.running.pins.find(repository, [here, there, others], neverAborts);
    expect(found.sizes).toEqual(
      new Map([
        [here, 10],
        [there, 20],
      ]),
    );
    expect(found.unreachable).toEqual([]);
  });

  it('says which regions did not answer, unless everything is found without them', async () => {
    const [us, eu] = await startThree();
    const here = await us.store(someBytes(10));
    await eu.cut();
    const absent = parseDigest(`sha256:${'c'.repeat(64)}`);
    const incomplete = await us.running.pins.find(repository, [here, absent], neverAborts);
    expect(incomplete).toEqual({ sizes: new Map([[here, 10]]), givenUp: new Set(), unreachable: ['eu'] });
    const complete = await us.running.pins.find(repository, [here], neverAborts);
    expect(complete).toEqual({ sizes: new Map([[here, 10]]), givenUp: new Set(), unreachable: [] });
  });

  it('reaches all while no region is away', async () => {
    const [us, eu] = await startThree();
    const reachesAll = () => us.running.pins.reachesAll();
    await expect.poll(reachesAll, soon).toBe(true);
    await eu.cut();
    await expect.poll(reachesAll, soon).toBe(false);
    await eu.reconnect();
    await expect.poll(reachesAll, soon).toBe(true);
  });
});

describe('a search for owners', () => {
  it('asks the other regions where the own one knows nobody', async () => {
    const [us, eu, ap] = await startThree();
    const bytes = someBytes(1000);
    const digest = await ap.store(bytes, 'team/there');
    const owners = (at: TransferRegion) => at.running.pins.owners(digest, 10, neverAborts);
    expect(await owners(us)).toEqual({ repositories: ['team/there'], size: 1000 });
    await us.store(bytes, 'team/here');
    expect((await owners(us)).repositories).toEqual(['team/here']);
    await ap.cut();
    await us.cut();
    expect(await owners(eu)).toEqual({ repositories: [], size: 0 });
  });

  it('finds nobody for what nobody has', async () => {
    const [us] = await startThree();
    const absent = parseDigest(`sha256:${'c'.repeat(64)}`);
    expect(await us.running.pins.owners(absent, 10, neverAborts)).toEqual({ repositories: [], size: 0 });
  });
});
