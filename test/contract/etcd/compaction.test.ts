import { expect, it } from 'vitest';
import { CompactedError, FutureRevisionError } from '#libs/etcd/errors.ts';
import { prefixEnd } from '#libs/etcd/prefix.ts';
import { describeStores, freshPrefix, inShort, put, takeUntil, testSignal } from './stores.ts';

describeStores((subject) => {
  it('keeps what is current, and refuses to read or watch what came before', async () => {
    const { client } = subject();
    const prefix = freshPrefix();
    const range = { key: prefix, rangeEnd: prefixEnd(prefix) };
    const { revision: first } = await put(client, `${prefix}kept`, '1');
    await put(client, `${prefix}changed`, '1');
    await put(client, `${prefix}gone`, '1');
    await put(client, `${prefix}changed`, '2');
    const deletion = { kind: 'delete', key: `${prefix}gone` } as const;
    const { revision: at } = await client.txn({ then: [deletion] }, testSignal());
    const { revision: last } = await put(client, `${prefix}changed`, '3');
    await client.compact(at, testSignal());

    const older = client.range({ ...range, revision: at - 1 }, testSignal());
    await expect(older).rejects.toBeInstanceOf(CompactedError);
    const { kvs } = await client.range({ ...range, revision: at }, testSignal());
    expect(kvs.map(({ key, value }) => `${key}=${value.toString()}`)).toEqual([
      `${prefix}changed=2`,
      `${prefix}kept=1`,
    ]);
    const current = await client.range(range, testSignal());
    expect(current.kvs.map(({ modRevision }) => modRevision)).toEqual([last, first]);

    const compacted = takeUntil(client.watch({ ...range, fromRevision: first }, testSignal()), () => true);
    await expect(compacted).rejects.toMatchObject({ constructor: CompactedError, compactRevision: at });
    const after = client.watch({ ...range, fromRevision: at + 1 }, testSignal());
    const events = await takeUntil(after, (seen) => seen.length > 0);
    expect(events.map(inShort)).toEqual([`${last} put ${prefix}changed 3`]);
  });

  it('never hides the deletion that the compacted revision made', async () => {
    const { client } = subject();
    const key = `${freshPrefix()}a`;
    await put(client, key, '1');
    const { revision: at } = await client.txn({ then: [{ kind: 'delete', key }] }, testSignal());
    await client.compact(at, testSignal());
    await put(client, key, '2');
    const watched = takeUntil(client.watch({ key, fromRevision: at }, testSignal()), () => true);
    await expect(watched).rejects.toBeInstanceOf(CompactedError);
  });

  it('refuses to compact twice, or beyond the newest revision', async () => {
    const { client } = subject();
    const { revision } = await put(client, `${freshPrefix()}a`, '');
    await client.compact(revision, testSignal());
    await expect(client.compact(revision, testSignal())).rejects.toBeInstanceOf(CompactedError);
    await expect(client.compact(revision - 1, testSignal())).rejects.toBeInstanceOf(CompactedError);
    await expect(client.compact(revision + 1, testSignal())).rejects.toBeInstanceOf(FutureRevisionError);
  });

  it('leaves watchers that kept pace alone', async () => {
    const { client } = subject();
    const key = `${freshPrefix()}a`;
    const { revision } = await put(client, key, '0');
    let next: Promise<unknown> | undefined;
    const events = await takeUntil(client.watch({ key, fromRevision: revision }, testSignal()), (seen) => {
      next ??= client.compact(revision, testSignal()).then(() => put(client, key, '1'));
      return seen.length >= 2;
    });
    await next;
    expect(events.map(inShort)).toEqual([`${revision} put ${key} 0`, `${revision + 1} put ${key} 1`]);
  });
});
