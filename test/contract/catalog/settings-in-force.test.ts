import { expect, it } from 'vitest';
import { parseRepositoryName } from '#libs/oci/name.ts';
import { describeStores, testSignal, type Subject } from '#test/contract/etcd/stores.ts';
import type { Frame } from '#types/meridian/v1/Frame.ts';
import { changeSettings, digestOfTag, findBlob, resolve, until } from './asks.ts';
import { gatedStore } from './gated-store.ts';
import { image, push } from './images.ts';
import { newWorld, openRegion } from './regions.ts';

const open = ({ client }: Subject, options = {}) => openRegion({ etcd: client, client, ...options });

describeStores((subject) => {
  it('has a push begin again when settings change before it commits', async () => {
    for (const scope of ['', 'settings/midway']) {
      const us = await open(subject());
      await push(us, 'settings/midway', ['0'], image('settings-midway-0'));
      us.world.holds = 0;
      us.world.afterHold = async () => {
        if (us.world.holds === 1) await changeSettings(us, scope, { durability: 'all' });
      };
      const pushed = await push(us, 'settings/midway', ['1'], image('settings-midway'));
      expect(pushed.durableRegions).toEqual(['ap', 'eu', 'us']);
      expect(us.world.holds).toBe(2);
      us.world.afterHold = () => undefined;
      await changeSettings(us, scope, { durability: null });
    }
  });

  it('reads every repository through the quorum where the defaults say strong, and lets no answer be kept', async () => {
    const { client } = subject();
    const world = newWorld();
    const us = await openRegion({ etcd: client, client, world });
    const gate = gatedStore(client);
    const eu = await openRegion({ etcd: gate, client, world, region: 'eu' });
    const [before, after] = [image('settings-before'), image('settings-after')];
    await push(us, 'settings/strong', ['1'], before);
    await changeSettings(us, '', { reads: 'strong' });
    await until('eu knows', () => eu.view.position().revision >= us.view.position().revision);
    gate.holdWatches();
    await push(us, 'settings/strong', ['1'], after);
    const read = digestOfTag(eu, 'settings/strong', '1');
    gate.releaseWatches();
    expect(await read).toBe(after.descriptor.digest);
    const { digest } = after.descriptor;
    expect((await resolve(eu, 'settings/strong', digest)).reuse?.never).toBe(true);
    expect((await findBlob(eu, 'settings/strong', digest)).reuse?.never).toBe(true);
    await changeSettings(eu, '', { reads: null });
    await changeSettings(eu, 'settings/strong', { maxStalenessMs: 4000 });
    const { reuse } = await resolve(eu, 'settings/strong', '1');
    expect(reuse).toEqual({ never: false, maxStalenessMs: 4000, regions: [] });
  });

  it('tells those who follow of a repository whose settings changed, and resets them for the defaults', async () => {
    const us = await open(subject(), { settings: { frameEveryMs: 60_000 } });
    const frames = us.catalog.follow({}, { signal: testSignal() })[Symbol.asyncIterator]();
    const next = async (): Promise<Frame> => (await frames.next()).value as Frame;
    await next();
    await changeSettings(us, 'settings/follow', { reads: 'strong' });
    expect(await next()).toMatchObject({ reset: false, repositories: ['settings/follow'] });
    const { position } = await changeSettings(us, '', { maxStalenessMs: 60_000 });
    expect(await next()).toMatchObject({ reset: true, position: { revision: position?.revision } });
    await changeSettings(us, '', { maxStalenessMs: null });
    await frames.return?.();
  });

  it('keeps the settings in its view over a restart', async () => {
    const us = await open(subject());
    await changeSettings(us, '', { missing: 'accept' });
    await changeSettings(us, 'settings/kept', { reads: 'strong' });
    await us.stop();
    const again = await open(subject(), { dataDir: us.dataDir });
    expect(again.view.defaults()).toMatchObject({ missing: 'accept' });
    expect(again.view.repository(parseRepositoryName('settings/kept'))).toMatchObject({ reads: 'strong' });
    await changeSettings(again, '', { missing: null });
  });
});
