import { expect, it } from 'vitest';
import { prefixEnd } from '#libs/etcd/prefix.ts';
import type { EtcdClient, KeyValue } from '#libs/etcd/store.ts';
import { describeStores, freshPrefix, put, testSignal } from './stores.ts';

describeStores((subject) => {
  it('gives one key with its revisions, and nothing for an absent one', async () => {
    const { client } = subject();
    const key = `${freshPrefix()}one`;
    const first = await put(client, key, 'a');
    const second = await put(client, key, 'b');
    const { kvs, count, more, revision } = await client.range({ key }, testSignal());
    expect(kvs).toEqual([
      {
        key,
        value: Buffer.from('b'),
        createRevision: first.revision,
        modRevision: second.revision,
        version: 2,
        lease: '0',
      },
    ]);
    expect({ count, more, revision }).toEqual({ count: 1, more: false, revision: second.revision });
    expect(await client.range({ key: `${key}!` }, testSignal())).toMatchObject({ kvs: [], count: 0 });
  });

  it('gives one key without the keys that come after it, also within a transaction', async () => {
    const { client } = subject();
    const prefix = freshPrefix();
    for (const name of ['a', 'b']) await put(client, prefix + name, name);
    expect((await client.range({ key: `${prefix}a` }, testSignal())).kvs).toHaveLength(1);
    const { responses } = await client.txn({ then: [{ kind: 'range', key: `${prefix}a` }] }, testSignal());
    expect(responses).toMatchObject([{ kind: 'range', count: 1 }]);
    await client.txn({ then: [{ kind: 'delete', key: `${prefix}a` }] }, testSignal());
    expect((await client.range({ key: `${prefix}b` }, testSignal())).kvs).toHaveLength(1);
  });

  it('gives a prefix in byte order, limited, counted, with or without values', async () => {
    const { client } = subject();
    const prefix = freshPrefix();
    const names = ['b', 'a', 'a/1', 'Z', 'é', 'zz', '\u{1f600}'];
    for (const name of names) await put(client, prefix + name, `value of ${name}`);
    await put(client, `${prefix.slice(0, -1)}0`, 'just behind the prefix');
    const range = { key: prefix, rangeEnd: prefixEnd(prefix) };
    const sorted = names.map((name) => prefix + name).sort((a, b) => Buffer.from(a).compare(Buffer.from(b)));
    const all = await client.range(range, testSignal());
    expect(all.kvs.map(({ key }) => key)).toEqual(sorted);
    expect(all).toMatchObject({ count: names.length, more: false });
    const some = await client.range({ ...range, limit: 3, keysOnly: true }, testSignal());
    expect(some.kvs.map(({ key, value }) => [key, value.length])).toEqual(
      sorted.slice(0, 3).map((key) => [key, 0]),
    );
    expect(some).toMatchObject({ count: names.length, more: true });
    const counted = await client.range({ ...range, countOnly: true }, testSignal());
    expect(counted).toMatchObject({ kvs: [], count: names.length, more: false });
  });

  it('pages through one revision while writes go on', async () => {
    const { client } = subject();
    const prefix = freshPrefix();
    const names = Array.from({ length: 60 }, (_, i) => `${prefix}${String(i).padStart(3, '0')}`);
    await Promise.all(names.map((key) => put(client, key, 'before')));
    const { revision } = await client.range({ key: prefix }, testSignal());
    const stop = new AbortController();
    const writing = writeOn(client, prefix, names, stop.signal);
    const paged = await pages(client, prefix, revision, 7);
    stop.abort();
    expect(await writing).toBeGreaterThan(0);
    expect(paged.map(({ key }) => key)).toEqual(names);
    expect(new Set(paged.map(({ value }) => value.toString()))).toEqual(new Set(['before']));
  });

  it('refuses a revision of the future', async () => {
    const { client } = subject();
    const { revision } = await put(client, `${freshPrefix()}a`, '');
    const future = client.range({ key: 'a', revision: revision + 1000 }, testSignal());
    await expect(future).rejects.toThrow('future revision');
  });

  it('refuses an empty key', async () => {
    await expect(subject().client.range({ key: '' }, testSignal())).rejects.toThrow('key is not provided');
  });
});

/** Overwrites, deletes and adds keys until told to stop; gives the number of transactions. */
async function writeOn(
  client: EtcdClient,
  prefix: string,
  names: string[],
  stop: AbortSignal,
): Promise<number> {
  let writes = 0;
  while (!stop.aborted || writes === 0) {
    const key = names[(writes * 13) % names.length] ?? prefix;
    if (writes % 3 === 0) await client.txn({ then: [{ kind: 'delete', key }] }, testSignal());
    else await put(client, writes % 3 === 1 ? key : `${key}+`, 'after');
    writes += 1;
  }
  return writes;
}

async function pages(
  client: EtcdClient,
  prefix: string,
  revision: number,
  limit: number,
): Promise<KeyValue[]> {
  const found: KeyValue[] = [];
  let key = prefix;
  for (;;) {
    const page = await client.range(
      { key, rangeEnd: prefixEnd(prefix), revision, limit, serializable: true },
      testSignal(),
    );
    found.push(...page.kvs);
    if (!page.more) return found;
    key = `${found.at(-1)?.key ?? ''}\0`;
  }
}
