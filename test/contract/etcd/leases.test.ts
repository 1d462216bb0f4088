import { expect, it } from 'vitest';
import { LeaseNotFoundError } from '#libs/etcd/errors.ts';
import { prefixEnd } from '#libs/etcd/prefix.ts';
import { describeStores, freshPrefix, inShort, put, takeUntil, testSignal } from './stores.ts';

const SHORTEST_TTL_SECONDS = 2;

describeStores((subject) => {
  it('deletes all keys of an expired lease in one revision, and no others', async () => {
    const { client } = subject();
    const prefix = freshPrefix();
    const { id } = await client.grant(SHORTEST_TTL_SECONDS, testSignal());
    await put(client, `${prefix}free`, '');
    await put(client, `${prefix}b`, '', id);
    await put(client, `${prefix}a`, '', id);
    const { revision } = await put(client, `${prefix}moved`, '', id);
    await put(client, `${prefix}moved`, 'to no lease');
    const range = { key: prefix, rangeEnd: prefixEnd(prefix) };
    const { kvs } = await client.range(range, testSignal());
    expect(kvs.map(({ lease }) => lease)).toEqual([id, id, '0', '0']);
    const watch = client.watch({ ...range, fromRevision: revision + 2 }, testSignal());
    const events = await takeUntil(watch, (seen) => seen.length > 0);
    expect(events.map(inShort)).toEqual([
      `${revision + 2} delete ${prefix}a`,
      `${revision + 2} delete ${prefix}b`,
    ]);
    const left = await client.range(range, testSignal());
    expect(left.kvs.map(({ key }) => key)).toEqual([`${prefix}free`, `${prefix}moved`]);
    expect(await client.keepAlive(id, testSignal())).toBe(0);
  });

  it('keeps a lease that is kept alive beyond its time', async () => {
    const { client } = subject();
    const key = `${freshPrefix()}a`;
    const kept = await client.grant(SHORTEST_TTL_SECONDS, testSignal());
    const left = await client.grant(SHORTEST_TTL_SECONDS, testSignal());
    await put(client, `${key}kept`, '', kept.id);
    await put(client, `${key}left`, '', left.id);
    const gone = async (): Promise<boolean> => {
      expect(await client.keepAlive(kept.id, testSignal())).toBe(kept.ttlSeconds);
      return (await client.range({ key: `${key}left` }, testSignal())).count === 0;
    };
    await expect.poll(gone, { timeout: 20_000, interval: 100 }).toBe(true);
    expect(await client.range({ key: `${key}kept` }, testSignal())).toMatchObject({ count: 1 });
    await client.revoke(kept.id, testSignal());
  });

  it('revokes a lease with its keys, after which nothing can be put on it', async () => {
    const { client } = subject();
    const key = `${freshPrefix()}a`;
    const { id, ttlSeconds } = await client.grant(60, testSignal());
    expect(ttlSeconds).toBe(60);
    await put(client, key, '', id);
    await client.revoke(id, testSignal());
    expect(await client.range({ key }, testSignal())).toMatchObject({ count: 0 });
    await expect(put(client, key, '', id)).rejects.toBeInstanceOf(LeaseNotFoundError);
    expect(await client.range({ key }, testSignal())).toMatchObject({ count: 0 });
    await expect(client.revoke(id, testSignal())).rejects.toBeInstanceOf(LeaseNotFoundError);
    expect(await client.keepAlive(id, testSignal())).toBe(0);
  });

  it('has a lease gone, keys and all, for a transaction that names it beside other writes', async () => {
    const { client } = subject();
    const key = `${freshPrefix()}a`;
    const value = Buffer.from('v');
    const write = client.txn(
      {
        then: [
          { kind: 'put', key, value },
          { kind: 'put', key: `${key}b`, value, lease: '12345' },
        ],
      },
      testSignal(),
    );
    await expect(write).rejects.toBeInstanceOf(LeaseNotFoundError);
    expect(await client.range({ key }, testSignal())).toMatchObject({ count: 0 });
  });
});
