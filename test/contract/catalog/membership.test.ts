import { expect, it } from 'vitest';
import type { KeyValueStore } from '#libs/etcd/store.ts';
import { bootstrapCatalog, MAX_REGIONS } from '#services/replication/catalog/bootstrap.ts';
import { gcKey, liveKey, regionKey } from '#services/replication/catalog/keys.ts';
import type { AddRegionRequest } from '#types/meridian/v1/AddRegionRequest.ts';
import type { ChangeRegionRequest } from '#types/meridian/v1/ChangeRegionRequest.ts';
import { describeStores, testSignal, type Subject } from '#test/contract/etcd/stores.ts';
import { changeSettings, codeOf, errorOf, inForce, resolve } from './asks.ts';
import { image, push } from './images.ts';
import { newWorld, openRegion, type TestRegion } from './regions.ts';

const open = ({ client }: Subject, options = {}) => openRegion({ etcd: client, client, ...options });
const context = () => ({ signal: testSignal() });

const add = ({ catalog }: TestRegion, region: string, more: Partial<AddRegionRequest> = {}) =>
  catalog.addRegion({ region, endpoint: `${region}.test:5100`, labels: {}, ...more }, context());
const change = ({ catalog }: TestRegion, region: string, more: Partial<ChangeRegionRequest>) =>
  catalog.changeRegion({ region, state: '', setsLabels: false, labels: {}, ...more }, context());
const remove = ({ catalog }: TestRegion, region: string, { version = 0, force = false } = {}) =>
  catalog.removeRegion({ region, version, force }, context());
const list = async ({ catalog }: TestRegion) => (await catalog.listRegions({}, context())).regions;

/** Whatever other tests of the same store have left. */
async function threeRegions(us: TestRegion): Promise<void> {
  for (const { region } of await list(us)) {
    if (['us', 'eu', 'ap'].includes(region)) await change(us, region, { state: 'active', setsLabels: true });
    else await remove(us, region, { force: true });
  }
  for (const region of ['us', 'eu', 'ap'] as const) {
    await add(us, region);
    // As its storage would, which is told the catalog's epoch with each hold.
    us.world.epochs[region] = us.view.epoch(region) ?? 0;
  }
}

describeStores((subject) => {
  it('adds a region that can then be started, and adds it once however often it is asked', async () => {
    const us = await open(subject());
    await threeRegions(us);
    const { client } = subject();
    const start = (): Promise<string> =>
      bootstrapCatalog(
        client,
        { region: 'sa', regions: [{ name: 'sa', endpoint: 'sa.test:5100' }] },
        testSignal(),
      );
    await expect(start()).rejects.toThrow(
      /but not sa, which this process is to be. A region is added before it is started/,
    );
    const added = await add(us, 'sa', { labels: { continent: 'south-america' } });
    expect(added).toMatchObject({
      added: true,
      region: { region: 'sa', state: 'active', endpoint: 'sa.test:5100' },
    });
    expect(us.view.regions().map(({ name }) => name)).toEqual(['ap', 'eu', 'sa', 'us']);
    expect(await start()).toBe(us.view.position().catalogId);
    const again = await add(us, 'sa', { labels: { continent: 'south-america' } });
    expect(again).toMatchObject({ added: false, region: added.region });
    expect(await codeOf(add(us, 'sa', { endpoint: 'elsewhere.test:5100' }))).toBe('CONFLICT');
    expect((await list(us)).map(({ region }) => region)).toEqual(['ap', 'eu', 'sa', 'us']);
  });

  it('starts a region although its configuration still names one that was removed', async () => {
    const us = await open(subject());
    await threeRegions(us);
    const regions = us.view.regions();
    await remove(us, 'ap');
    const start = (region: string) => bootstrapCatalog(subject().client, { region, regions }, testSignal());
    expect(await start('eu')).toBe(us.view.position().catalogId);
    await expect(start('ap')).rejects.toThrow(/one that was removed does not come back by itself/);
    // Beyond all epochs that its storage knows from its earlier life.
    await add(us, 'ap');
    expect(us.view.epoch('ap')).toBeGreaterThan(1_000_000);
  });

  it.each([
    ['South', {}, 'lower-case letters'],
    ['sa', { endpoint: 'nowhere' }, 'host:port'],
    ['sa', { endpoint: 'sa.test:0' }, 'host:port'],
    ['sa', { labels: { 'No Name': '' } }, 'label "No Name"'],
    ['sa', { labels: { text: 'a\nb' } }, 'label "text"'],
  ] as const)('refuses to add %s with %j', async (region, more, sentence) => {
    const us = await open(subject());
    const error = await errorOf(add(us, region, more));
    expect([error.code, error.message]).toEqual(['REQUEST_INVALID', expect.stringContaining(sentence)]);
  });

  it('has at most so many regions, also when many are added at once', async () => {
    const us = await open(subject());
    await threeRegions(us);
    const names = Array.from({ length: MAX_REGIONS }, (_, i) => `region-${i}`);
    // All at once would run out of attempts: that is told, and repeated.
    const tryAdd = async (name: string): Promise<string> => {
      for (;;) {
        const code = await add(us, name).then(
          () => 'added',
          (error: unknown) => (error as { code: string }).code,
        );
        if (code !== 'UNAVAILABLE') return code;
      }
    };
    const outcomes = await Promise.all(names.map(tryAdd));
    expect(outcomes.filter((outcome) => outcome === 'added')).toHaveLength(MAX_REGIONS - 3);
    expect(outcomes.filter((outcome) => outcome === 'CONFLICT')).toHaveLength(3);
    expect(await list(us)).toHaveLength(MAX_REGIONS);
    await threeRegions(us);
  });

  it('counts durability over the regions that are there when a push commits', async () => {
    const world = newWorld();
    const us = await open(subject(), { world });
    await threeRegions(us);
    await changeSettings(us, 'membership/all', { durability: 'all' });
    let meanwhile: (() => Promise<unknown>) | undefined = () => add(us, 'sa');
    world.afterHold = async () => {
      const now = meanwhile;
      meanwhile = undefined;
      await now?.();
    };
    // The world has no sa: a push that counts it fails, one that does not would succeed.
    const error = await errorOf(push(us, 'membership/all', ['1'], image('all')));
    expect([error.code, error.message]).toEqual([
      'UNAVAILABLE',
      expect.stringContaining('in 4 of the regions'),
    ]);
    expect(await inForce(us, 'membership/none')).toMatchObject({ durability: [2, 'built-in'] });

    meanwhile = () => remove(us, 'sa');
    const pushed = await push(us, 'membership/two', ['1'], image('two'));
    expect(world.holds).toBeGreaterThan(2);
    expect(pushed.durableRegions).toHaveLength(2);
    await push(us, 'membership/all', ['1'], image('all'));
  });

  it('publishes nothing through a region that drains or has left, and reads on', async () => {
    const us = await open(subject());
    const eu = await open(subject(), { region: 'eu', world: us.world });
    await threeRegions(us);
    await changeSettings(us, 'membership/local', { durability: 'local' });
    await push(eu, 'membership/local', ['1'], image('before'));
    for (const leave of [() => change(us, 'eu', { state: 'draining' }), () => remove(us, 'eu')]) {
      await leave();
      const error = await errorOf(push(eu, 'membership/local', ['2'], image('after')));
      expect([error.code, error.message]).toEqual([
        'UNAVAILABLE',
        expect.stringContaining('another region: ap, us'),
      ]);
      expect((await resolve(eu, 'membership/local', '1')).manifest).not.toBeNull();
    }
    await threeRegions(us);
    await push(eu, 'membership/local', ['2'], image('after'));
  });

  it('lets a push that has counted a region begin again when it is removed', async () => {
    const world = newWorld();
    const us = await open(subject(), { world });
    await threeRegions(us);
    let counted = 0;
    world.afterHold = async () => {
      counted += 1;
      if (counted === 1) await remove(us, 'ap', { force: true });
    };
    const pushed = await push(us, 'membership/removed', ['1'], image('removed'));
    expect(counted).toBe(2);
    expect(pushed.durableRegions).toEqual(['eu', 'us']);
  });

  it('removes a region with all its records, at the version that was judged only', async () => {
    const us = await open(subject());
    await threeRegions(us);
    const { region } = await change(us, 'ap', { state: 'draining' });
    await change(us, 'ap', { setsLabels: true, labels: { a: 'b' } });
    expect(await codeOf(remove(us, 'ap', { version: region?.version ?? 0 }))).toBe('CONFLICT');
    const { client } = subject();
    const live = liveKey('ap', 'p');
    await client.txn({ then: [{ kind: 'put', key: live, value: Buffer.from('{}') }] }, testSignal());
    const before = us.view.position().revision;
    const now = (await list(us)).find((known) => known.region === 'ap');
    const { position } = await remove(us, 'ap', { version: now?.version ?? 0 });
    expect(position?.revision).toBeGreaterThan(before);
    expect(us.view.position().revision).toBe(position?.revision);
    for (const key of [regionKey('ap'), gcKey('ap'), live]) {
      expect((await client.range({ key }, testSignal())).count).toBe(0);
    }
    expect(us.view.epoch('ap')).toBeUndefined();
    expect(await codeOf(remove(us, 'ap'))).toBe('NAME_UNKNOWN');
  });

  it('refuses to go below what a durability asks, says whose, and does it when forced', async () => {
    const us = await open(subject());
    await threeRegions(us);
    await changeSettings(us, 'membership/three', { durability: 3 });
    const drained = await change(us, 'ap', { state: 'draining' });
    expect(drained.shortfalls).toEqual([{ repository: 'membership/three', durability: 3, regions: [] }]);
    const error = await errorOf(remove(us, 'ap'));
    expect([error.code, error.message]).toEqual([
      'CONFLICT',
      expect.stringContaining('membership/three for 3'),
    ]);
    const removed = await remove(us, 'ap', { force: true });
    expect(removed.shortfalls).toEqual([{ repository: 'membership/three', durability: 3, regions: [] }]);
    await add(us, 'ap');
    await changeSettings(us, 'membership/three', { durability: null });
  });

  it('keeps one active region', async () => {
    const us = await open(subject());
    await threeRegions(us);
    await change(us, 'eu', { state: 'draining' });
    await change(us, 'ap', { state: 'draining' });
    expect(await codeOf(change(us, 'us', { state: 'draining' }))).toBe('CONFLICT');
    expect(await codeOf(remove(us, 'us', { force: true }))).toBe('CONFLICT');
    expect(await codeOf(change(us, 'mars', { state: 'draining' }))).toBe('NAME_UNKNOWN');
    await threeRegions(us);
  });

  it('takes its own earlier attempt for done when the answer to it was lost', async () => {
    const { client } = subject();
    let lose = false;
    const etcd: KeyValueStore = {
      ...client,
      txn: async (request, signal) => {
        const result = await client.txn(request, signal);
        if (!lose || !(request.then ?? []).some(({ kind }) => kind !== 'range')) return result;
        lose = false;
        throw new Error('the answer was lost');
      },
    };
    const us = await open(subject());
    await threeRegions(us);
    const lossy = await openRegion({ etcd, client });
    lose = true;
    expect(await add(lossy, 'sa')).toMatchObject({ added: true, region: { region: 'sa' } });
    lose = true;
    expect(await change(lossy, 'sa', { state: 'draining' })).toMatchObject({ region: { state: 'draining' } });
    lose = true;
    expect(await remove(lossy, 'sa')).toMatchObject({ region: { region: 'sa' } });
    expect((await list(us)).map(({ region }) => region)).toEqual(['ap', 'eu', 'us']);
  });
});
