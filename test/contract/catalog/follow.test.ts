import { expect, it } from 'vitest';
import { liveKey } from '#services/replication/catalog/keys.ts';
import { compactOnce } from '#services/replication/catalog/compaction.ts';
import { describeStores, testSignal, type Subject } from '#test/contract/etcd/stores.ts';
import type { Frame } from '#types/meridian/v1/Frame.ts';
import { deleteTag, until } from './asks.ts';
import { image, push } from './images.ts';
import { openRegion } from './regions.ts';

const open = ({ client }: Subject, settings = {}) => openRegion({ etcd: client, client, settings });

describeStores((subject) => {
  it('begins with a reset, then tells of every change with the position that holds it', async () => {
    const us = await open(subject(), { frameEveryMs: 60_000 });
    const ended = new AbortController();
    const frames = us.catalog.follow({}, { signal: ended.signal })[Symbol.asyncIterator]();
    const next = async (): Promise<Frame> => (await frames.next()).value as Frame;
    expect(await next()).toMatchObject({ process: 'us-1', reset: true, position: us.view.position() });

    const { position } = await push(us, 'follow/app', ['1', '2'], image('follow-app'));
    const told = await next();
    expect(told).toMatchObject({ reset: false, repositories: ['follow/app'] });
    expect(told.tags.map(({ tag }) => tag)).toEqual(['1', '2']);
    expect(told.position?.revision).toBe(position?.revision);

    await deleteTag(us, 'follow/app', '1');
    expect(await next()).toMatchObject({ tags: [{ repository: 'follow/app', tag: '1' }], repositories: [] });
    ended.abort();
    expect(await frames.next()).toMatchObject({ done: true });
  });

  it('sends a frame now and then although nothing changes, and ends when the catalog is closed', async () => {
    const us = await open(subject(), { frameEveryMs: 20 });
    const frames: Frame[] = [];
    const following = (async () => {
      for await (const frame of us.catalog.follow({}, { signal: testSignal() })) frames.push(frame);
    })();
    await until('five frames have come', () => frames.length >= 5);
    expect(frames.slice(1).every(({ reset, tags }) => !reset && tags.length === 0)).toBe(true);
    await us.stop();
    await following;
  });

  it('resets instead of telling of too many changes', async () => {
    const us = await open(subject(), { frameEveryMs: 60_000 });
    const frames = us.catalog.follow({}, { signal: testSignal() })[Symbol.asyncIterator]();
    await frames.next();
    for (let i = 0; i < 21; i++) {
      const tags = Array.from({ length: 50 }, (_, j) => `t${i}-${j}`);
      await push(us, 'follow/many', tags, image('follow-many'));
    }
    expect((await frames.next()).value).toMatchObject({ reset: true, tags: [], repositories: [] });
    await frames.return?.();
  });

  it('says in etcd that it lives, outside the catalog, until it stops', async () => {
    const { client } = subject();
    const us = await open(subject());
    const read = () => client.range({ key: liveKey('us', 'us-1') }, testSignal());
    await until('the key is there', async () => (await read()).count === 1);
    const [key] = (await read()).kvs;
    expect(key?.lease).not.toBe('0');
    await us.stop();
    expect((await read()).count).toBe(0);
  });

  it('knows where the region stands', async () => {
    const us = await open(subject());
    const status = await us.catalog.status({}, { signal: testSignal() });
    expect(status).toMatchObject({ region: 'us', watermark: 7, missingBlobs: 1, missingBytes: 2 });
    expect(status.regions.map(({ region, live, state }) => [region, live, state])).toEqual([
      ['ap', false, 'active'],
      ['eu', false, 'active'],
      ['us', true, 'active'],
    ]);
    expect(status.position).toMatchObject(us.view.position());
  });

  it('has one process at a time compact etcd, to a revision that is old enough', async () => {
    const { client } = subject();
    await open(subject(), { historyMs: 3_600_000 });
    let now = Date.now() + 3_700_000;
    const options = {
      etcd: client,
      clock: { monotonicMs: () => now, nowMs: () => now },
      historyMs: 3_600_000,
      onFault: () => undefined,
    };
    const attempts = await Promise.all([1, 2, 3].map(() => compactOnce(options, testSignal())));
    const compacted = attempts.filter((revision) => revision !== undefined);
    expect(compacted).toHaveLength(1);
    const { revision } = await client.range({ key: '-' }, testSignal());
    expect(compacted[0]).toBeLessThan(revision);
    expect(await compactOnce(options, testSignal())).toBeUndefined();
    now += 3_600_000;
    expect(await compactOnce(options, testSignal())).toBeGreaterThan(compacted[0] ?? 0);
  });
});
