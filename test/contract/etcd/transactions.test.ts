import { expect, it } from 'vitest';
import { prefixEnd } from '#libs/etcd/prefix.ts';
import type { Compare, Operation } from '#libs/etcd/store.ts';
import { describeStores, freshPrefix, put, testSignal } from './stores.ts';

const value = Buffer.from('v');

describeStores((subject) => {
  it('compares revisions, versions and values, of absent keys too', async () => {
    const { client } = subject();
    const key = `${freshPrefix()}there`;
    const absent = `${key}-not`;
    const { revision: created } = await put(client, key, 'a');
    const { revision: modified } = await put(client, key, 'm');
    const table: [Compare, boolean][] = [
      [{ key, target: 'create', op: '=', value: created }, true],
      [{ key, target: 'create', op: '<', value: created }, false],
      [{ key, target: 'mod', op: '=', value: modified }, true],
      [{ key, target: 'mod', op: '!=', value: modified }, false],
      [{ key, target: 'mod', op: '>', value: created }, true],
      [{ key, target: 'version', op: '=', value: 2 }, true],
      [{ key, target: 'version', op: '<', value: 2 }, false],
      [{ key, target: 'value', op: '=', value: Buffer.from('m') }, true],
      [{ key, target: 'value', op: '<', value: Buffer.from('n') }, true],
      [{ key, target: 'value', op: '>', value: Buffer.from('mm') }, false],
      [{ key: absent, target: 'create', op: '=', value: 0 }, true],
      [{ key: absent, target: 'mod', op: '=', value: 0 }, true],
      [{ key: absent, target: 'mod', op: '>', value: 0 }, false],
      [{ key: absent, target: 'version', op: '=', value: 0 }, true],
      [{ key: absent, target: 'value', op: '=', value: Buffer.alloc(0) }, false],
      [{ key: absent, target: 'value', op: '!=', value: Buffer.from('x') }, false],
    ];
    for (const [compare, holds] of table) {
      const { succeeded } = await client.txn({ compare: [compare] }, testSignal());
      expect({ compare, succeeded }).toEqual({ compare, succeeded: holds });
    }
  });

  it('compares every key of a range, and an empty range like an absent key', async () => {
    const { client } = subject();
    const prefix = freshPrefix();
    const { revision: first } = await put(client, `${prefix}a`, 'a');
    const { revision: last } = await put(client, `${prefix}b`, 'b');
    const gone = await put(client, `${prefix}c`, 'c');
    await client.txn({ then: [{ kind: 'delete', key: `${prefix}c` }] }, testSignal());
    const range = { key: prefix, rangeEnd: prefixEnd(prefix) };
    const empty = { key: `${prefix}x`, rangeEnd: `${prefix}z` };
    const table: [Compare, boolean][] = [
      [{ ...range, target: 'mod', op: '<', value: last + 1 }, true],
      [{ ...range, target: 'mod', op: '<', value: last }, false],
      [{ ...range, target: 'mod', op: '>', value: first - 1 }, true],
      [{ ...range, target: 'mod', op: '=', value: last }, false],
      [{ ...range, target: 'create', op: '!=', value: gone.revision }, true],
      [{ ...range, target: 'version', op: '=', value: 1 }, true],
      [{ ...range, target: 'value', op: '<', value: Buffer.from('c') }, true],
      [{ ...range, target: 'value', op: '=', value: Buffer.from('b') }, false],
      [
        { key: `${prefix}b`, rangeEnd: `${prefix}c`, target: 'value', op: '=', value: Buffer.from('b') },
        true,
      ],
      [{ ...empty, target: 'mod', op: '<', value: 1 }, true],
      [{ ...empty, target: 'mod', op: '>', value: 0 }, false],
      [{ ...empty, target: 'value', op: '!=', value: Buffer.from('x') }, false],
    ];
    for (const [compare, holds] of table) {
      const { succeeded } = await client.txn({ compare: [compare] }, testSignal());
      expect({ compare, succeeded }).toEqual({ compare, succeeded: holds });
    }
  });

  it('does all of one branch in one revision, and answers each operation in order', async () => {
    const { client } = subject();
    const prefix = freshPrefix();
    const before = await put(client, `${prefix}old`, 'x');
    const result = await client.txn(
      {
        compare: [{ key: `${prefix}new`, target: 'create', op: '=', value: 0 }],
        then: [
          { kind: 'put', key: `${prefix}new`, value },
          { kind: 'delete', key: `${prefix}old` },
          { kind: 'range', key: prefix, rangeEnd: prefixEnd(prefix), keysOnly: true },
          { kind: 'put', key: `${prefix}newer`, value },
        ],
      },
      testSignal(),
    );
    expect(result).toMatchObject({ succeeded: true, revision: before.revision + 1 });
    expect(result.responses.map(({ kind }) => kind)).toEqual(['put', 'delete', 'range', 'put']);
    expect(result.responses[1]).toMatchObject({ deleted: 1 });
    expect(result.responses[2]).toMatchObject({ count: 1, kvs: [{ key: `${prefix}new` }] });
    const { kvs } = await client.range({ key: prefix, rangeEnd: prefixEnd(prefix) }, testSignal());
    expect(kvs.map(({ key, modRevision }) => [key, modRevision])).toEqual([
      [`${prefix}new`, result.revision],
      [`${prefix}newer`, result.revision],
    ]);
  });

  it('reads in the else branch and keeps the revision where nothing is written', async () => {
    const { client } = subject();
    const key = `${freshPrefix()}a`;
    const { revision } = await put(client, key, 'mine');
    const refused = await client.txn(
      {
        compare: [{ key, target: 'version', op: '=', value: 0 }],
        then: [{ kind: 'put', key, value }],
        else: [{ kind: 'range', key }],
      },
      testSignal(),
    );
    expect(refused).toMatchObject({ succeeded: false, revision });
    expect(refused.responses).toMatchObject([{ kind: 'range', kvs: [{ key, value: Buffer.from('mine') }] }]);
    const idle = await client.txn({ then: [{ kind: 'delete', key: `${key}!` }] }, testSignal());
    expect(idle).toMatchObject({ revision, responses: [{ kind: 'delete', deleted: 0 }] });
  });

  it('deletes the one key that is named, or the whole range', async () => {
    const { client } = subject();
    const prefix = freshPrefix();
    const range = { key: prefix, rangeEnd: prefixEnd(prefix) };
    for (const name of ['a', 'ab', 'b', 'c']) await put(client, prefix + name, '');
    await client.txn({ then: [{ kind: 'delete', key: `${prefix}a` }] }, testSignal());
    const { kvs } = await client.range(range, testSignal());
    expect(kvs.map(({ key }) => key.slice(prefix.length))).toEqual(['ab', 'b', 'c']);
    const { responses } = await client.txn({ then: [{ kind: 'delete', ...range }] }, testSignal());
    expect(responses).toEqual([{ kind: 'delete', deleted: 3 }]);
    expect(await client.range(range, testSignal())).toMatchObject({ kvs: [], count: 0 });
  });

  it('starts a deleted key anew', async () => {
    const { client } = subject();
    const key = `${freshPrefix()}a`;
    await put(client, key, '1');
    await client.txn({ then: [{ kind: 'delete', key }] }, testSignal());
    const { revision } = await put(client, key, '2');
    const { kvs } = await client.range({ key }, testSignal());
    expect(kvs).toMatchObject([{ version: 1, createRevision: revision, modRevision: revision }]);
  });

  it('refuses to change one key twice, and then changes nothing', async () => {
    const { client } = subject();
    const prefix = freshPrefix();
    const key = `${prefix}a`;
    const twice: Operation[][] = [
      [
        { kind: 'put', key, value },
        { kind: 'put', key, value },
      ],
      [
        { kind: 'put', key, value },
        { kind: 'delete', key },
      ],
      [
        { kind: 'delete', key: prefix, rangeEnd: prefixEnd(prefix) },
        { kind: 'put', key, value },
      ],
    ];
    for (const operations of twice) {
      await expect(client.txn({ then: operations }, testSignal())).rejects.toThrow('duplicate key');
      await expect(client.txn({ else: operations }, testSignal())).rejects.toThrow('duplicate key');
    }
    expect(await client.range({ key }, testSignal())).toMatchObject({ count: 0 });
  });

  it('refuses too many operations and too large a request', async () => {
    const { client } = subject();
    const prefix = freshPrefix();
    const many = Array.from({ length: 129 }, (_, i): Operation => ({
      kind: 'put',
      key: `${prefix}${i}`,
      value,
    }));
    await expect(client.txn({ then: many }, testSignal())).rejects.toThrow('too many operations');
    await client.txn({ then: many.slice(1) }, testSignal());
    const large: Operation = { kind: 'put', key: prefix, value: Buffer.alloc(1.5 * 1024 * 1024 + 1) };
    await expect(client.txn({ then: [large] }, testSignal())).rejects.toThrow('too large');
  });

  it('lets exactly one of many concurrent writers win a compare', async () => {
    const { client } = subject();
    const key = `${freshPrefix()}contested`;
    const results = await Promise.all(
      Array.from({ length: 50 }, (_, i) =>
        client.txn(
          {
            compare: [{ key, target: 'create', op: '=', value: 0 }],
            then: [{ kind: 'put', key, value: Buffer.from(String(i)) }],
          },
          testSignal(),
        ),
      ),
    );
    expect(results.filter(({ succeeded }) => succeeded)).toHaveLength(1);
  });
});
