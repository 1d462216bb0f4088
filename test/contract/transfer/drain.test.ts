import { afterEach, expect, it } from 'vitest';
import type { Digest } from '#libs/oci/digest.ts';
import { parseRepositoryName } from '#libs/oci/name.ts';
import { systemClock } from '#services/replication/catalog/collaborators.ts';
import type { Durability } from '#services/replication/catalog/records.ts';
import { startDrainer, type DrainerOptions } from '#services/replication/membership/drainer.ts';
import { createKeepElsewhere } from '#services/replication/membership/keep-elsewhere.ts';
import { defaultMembershipSettings } from '#services/replication/membership/settings.ts';
import { TestCatalog } from '#test/support/test-catalog.ts';
import {
  neverAborts,
  someBytes,
  soon,
  startTransferRegion,
  type TransferRegion,
} from '#test/support/transfer-regions.ts';

const APP = parseRepositoryName('team/app');
const context = { signal: neverAborts };
const stops: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});

async function startThree() {
  const catalog = new TestCatalog();
  const regions: TransferRegion[] = [];
  for (const name of ['us', 'eu', 'ap']) {
    const region = await startTransferRegion(name, catalog, { reconcileIntervalMs: 100_000 });
    stops.push(() => region.stop());
    regions.push(region);
  }
  const [us, eu, ap] = regions as [TransferRegion, TransferRegion, TransferRegion];
  await Promise.all(regions.map(({ running }) => running.directory.pingAll()));
  return { catalog, us, eu, ap, world: worldOf(catalog) };
}

/** The catalog as the region that leaves sees it: what APP's manifests name, and what durability they ask. */
function worldOf(catalog: TestCatalog) {
  const named = new Set<Digest>();
  const world = { named, durability: 'local' as Durability, barriers: 0 };
  const view = {
    position: () => ({ catalogId: 'test', revision: catalog.revision() }),
    subscribe: (listener: (change: never) => void) =>
      catalog.subscribe(() => listener({ reset: false, regions: true } as never)),
    named: (digests: readonly Digest[]) => new Set(digests.filter((digest) => named.has(digest))),
    owns: (repository: string, digest: Digest) => (repository === APP && named.has(digest) ? 1 : undefined),
    owners: (digest: Digest) => ({ repositories: named.has(digest) ? [APP] : [], size: 1 }),
    regions: () =>
      [...catalog.regions()].map(({ region, state, endpoint }) => {
        return { name: region, state: state as 'active' | 'draining', endpoint, labels: {} };
      }),
    repository: () => ({ incarnation: '', state: 'active' as const, durability: world.durability }),
    defaults: () => undefined,
  };
  return Object.assign(world, { view: view as unknown as DrainerOptions['view'] });
}

function drainerOf({ name, storage, reclaim, running }: TransferRegion, world: ReturnType<typeof worldOf>) {
  let drained = 0;
  const drainer = startDrainer({
    ...{ region: name, storage, reclaim, directory: running.directory, view: world.view },
    settings: { ...defaultMembershipSettings, settleMs: 50, checkBatch: 3, checkEveryMs: 50 },
    barrier: async () => void (world.barriers += 1),
    clock: systemClock,
    onDrained: () => (drained += 1),
    onFault: (error) => {
      throw error;
    },
  });
  stops.push(() => drainer.stop());
  return { ...drainer, timesDrained: () => drained };
}

function setState(catalog: TestCatalog, region: string, state: string): void {
  const record = catalog.records.get(region);
  if (record !== undefined) catalog.records.set(region, { ...record, state });
  catalog.change();
}

it('says how much only it has, and is drained once others have as many copies as the durability asks', async () => {
  const { catalog, us, eu, ap, world } = await startThree();
  const contents = Array.from({ length: 5 }, () => someBytes(1000));
  for (const bytes of contents) world.named.add(await ap.store(bytes));
  await ap.store(someBytes(700), 'team/other');
  world.durability = 2;
  const drainer = drainerOf(ap, world);
  expect((await drainer.check(5_000, neverAborts)).drained).toBe(false);
  expect(world.barriers).toBe(0);

  setState(catalog, 'ap', 'draining');
  const sole = { soleBlobs: 5, soleBytes: 5_000, drained: false, state: 'draining', unreachable: [] };
  await expect
    .poll(() => drainer.check(5_000, neverAborts), soon)
    .toMatchObject({ ...sole, checkedBlobs: 6 });
  for (const bytes of contents) await us.store(bytes);
  await expect.poll(() => drainer.check(5_000, neverAborts), soon).toMatchObject(sole);
  for (const bytes of contents.slice(1)) await eu.store(bytes);
  const one = { soleBlobs: 1, soleBytes: 1_000, drained: false };
  await expect.poll(() => drainer.check(5_000, neverAborts), soon).toMatchObject(one);
  world.durability = 'local';
  await expect
    .poll(() => drainer.check(5_000, neverAborts), soon)
    .toMatchObject({ soleBlobs: 0, drained: true });
  expect(drainer.timesDrained()).toBe(1);

  setState(catalog, 'ap', 'active');
  expect(drainer.report()).toMatchObject({ state: 'active', drained: false, finishedAt: 0 });
});

it('hands over what is only pinned here, with its pin', async () => {
  const { catalog, us, eu, ap, world } = await startThree();
  const digests = await Promise.all(
    Array.from({ length: 7 }, () => ap.store(someBytes(500), 'team/unfinished')),
  );
  const known = await us.store(someBytes(300), 'team/unfinished');
  setState(catalog, 'ap', 'draining');
  const drainer = drainerOf(ap, world);
  await expect
    .poll(() => drainer.check(5_000, neverAborts), soon)
    .toMatchObject({ solePins: 0, drained: true });
  const pinned = await Promise.all(
    [us, eu].map(({ storage }) => storage.pins({ repository: 'team/unfinished', digests }, context)),
  );
  expect(pinned.flatMap(({ blobs }) => blobs.map(({ digest }) => digest)).sort()).toEqual(
    [...digests].sort(),
  );
  expect(await eu.holds(known)).toBe(false);
});

it('counts a region that does not answer for nothing, and is not drained by it', async () => {
  const { catalog, us, eu, ap, world } = await startThree();
  const bytes = someBytes(1000);
  world.named.add(await ap.store(bytes));
  await eu.store(bytes);
  await eu.cut();
  await us.cut();
  setState(catalog, 'ap', 'draining');
  const drainer = drainerOf(ap, world);
  const cut = { soleBlobs: 1, unreachable: ['eu', 'us'], drained: false };
  await expect.poll(() => drainer.check(5_000, neverAborts), soon).toMatchObject(cut);
  await eu.reconnect();
  await expect
    .poll(() => drainer.check(5_000, neverAborts), soon)
    .toMatchObject({ soleBlobs: 0, drained: true });
});

it('tells that an upload to a region that leaves is there only once another has it', async () => {
  const { catalog, us, eu, ap, world } = await startThree();
  const keep = createKeepElsewhere({
    ...{ region: 'ap', view: world.view, directory: ap.running.directory },
    settings: defaultMembershipSettings,
  });
  const bytes = someBytes(1000);
  const digest = await ap.store(bytes);
  const blob = { region: 'ap', repository: APP, digest, size: bytes.length, isNew: true };
  await keep(blob, context);
  expect([await us.holds(digest), await eu.holds(digest)]).toEqual([false, false]);
  setState(catalog, 'ap', 'draining');
  await keep(blob, context);
  expect([await us.holds(digest), await eu.holds(digest)]).toContain(true);
  catalog.records.delete('ap');
  catalog.change();
  await expect(keep(blob, context)).rejects.toThrow('was removed from the cluster');
});
