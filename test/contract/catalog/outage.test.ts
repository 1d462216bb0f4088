import { expect, it } from 'vitest';
import { connectEtcd } from '#libs/etcd/client.ts';
import { describeStores, type Subject } from '#test/contract/etcd/stores.ts';
import { deleteTag, errorOf, listTags, resolve, until } from './asks.ts';
import { configure } from './configure.ts';
import { image, push } from './images.ts';
import { newWorld, openRegion, type RegionOptions } from './regions.ts';

/** Long enough for a busy machine, short enough for the test: every call fails this late while etcd is away. */
const CALL_TIMEOUT_MS = 3_000;
const settings = { barrierTimeoutMs: CALL_TIMEOUT_MS, headEveryMs: 100 };

async function open({ server }: Subject, options: Partial<RegionOptions> = {}) {
  const client = connectEtcd({ endpoints: [server.endpoint], callTimeoutMs: CALL_TIMEOUT_MS });
  return openRegion({ etcd: client, client, settings, ...options });
}

describeStores((subject) => {
  it('goes on answering what it knows while etcd is away, more and more stale, and 503 to all else', async () => {
    const { server } = subject();
    const us = await open(subject());
    const app = image('outage');
    const { position } = await push(us, 'outage/app', ['1'], app);
    await push(us, 'outage/fussy', ['1'], app);
    await configure(subject().client, us, 'outage/fussy', { maxStalenessMs: 500 });
    await server.kill();

    const stale = async (): Promise<number> =>
      (await resolve(us, 'outage/app', '1')).position?.stalenessMs ?? 0;
    const before = await stale();
    await until('it grows', async () => (await stale()) > before + 700);
    expect((await listTags(us, 'outage/app')).names).toEqual(['1']);

    const unanswerable = [
      resolve(us, 'outage/app', '2'),
      resolve(us, 'outage/other', '1'),
      listTags(us, 'outage/other'),
      resolve(us, 'outage/fussy', '1'),
      resolve(us, 'outage/app', '1', { strong: true, catalogId: '', minRevision: 0 }),
      push(us, 'outage/app', ['2'], app),
      deleteTag(us, 'outage/app', '1'),
    ];
    for (const error of await Promise.all(unanswerable.map(errorOf))) {
      expect(error.code).toBe('UNAVAILABLE');
      expect(error.retryAfterSeconds).toBeGreaterThan(0);
    }
    // A revision that can't be checked: what is there, with its staleness.
    const ahead = {
      strong: false,
      catalogId: position?.catalogId ?? '',
      minRevision: (position?.revision ?? 0) + 1,
    };
    expect((await resolve(us, 'outage/app', '1', ahead)).manifest?.digest).toBe(app.descriptor.digest);

    const again = await open(subject(), { dataDir: (await stopped(us)).dataDir, world: us.world });
    expect((await resolve(again, 'outage/app', '1')).manifest?.digest).toBe(app.descriptor.digest);
    expect((await resolve(again, 'outage/app', '1')).position?.stalenessMs).toBeGreaterThan(700);

    await server.restart();
    await until(
      'it is fresh again',
      async () => ((await resolve(again, 'outage/app', '1')).position?.stalenessMs ?? Infinity) < 700,
    );
    await push(again, 'outage/app', ['2'], app);
    expect((await listTags(again, 'outage/app')).names).toEqual(['1', '2']);
  });

  it('starts only when etcd is there if it has no view yet', async () => {
    const { server } = subject();
    await server.kill();
    const opening = open(subject(), { world: newWorld() });
    await server.restart();
    expect((await opening).view.position().revision).toBeGreaterThan(0);
  });
});

async function stopped<R extends { stop(): Promise<void> }>(region: R): Promise<R> {
  await region.stop();
  return region;
}
