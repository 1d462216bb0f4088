import { expect, it } from 'vitest';
import { prefixEnd } from '#libs/etcd/prefix.ts';
import type { Operation, WatchEvent } from '#libs/etcd/store.ts';
import { describeStores, freshPrefix, inShort, put, takeUntil, testSignal } from './stores.ts';

const NEVER_YET = 1_000_000;

describeStores((subject) => {
  it('gives the events of a prefix from a past revision on, then the new ones', async () => {
    const { client } = subject();
    const prefix = freshPrefix();
    const range = { key: prefix, rangeEnd: prefixEnd(prefix) };
    const { revision: first } = await put(client, `${prefix}a`, 'too early');
    await put(client, `${prefix}a`, '1');
    await put(client, `${prefix.slice(0, -1)}0`, 'elsewhere');
    await client.txn({ then: [{ kind: 'delete', key: `${prefix}a` }] }, testSignal());
    const watch = client.watch({ ...range, fromRevision: first + 1 }, testSignal());
    let live: Promise<unknown> | undefined;
    const events = await takeUntil(watch, (seen) => {
      if (seen.length === 2) live ??= put(client, `${prefix}b`, '2');
      return seen.length >= 3;
    });
    await live;
    expect(events.map(inShort)).toEqual([
      `${first + 1} put ${prefix}a 1`,
      `${first + 3} delete ${prefix}a`,
      `${first + 4} put ${prefix}b 2`,
    ]);
    expect(events[1]?.kv).toMatchObject({ version: 0, createRevision: 0, lease: '0' });
  });

  it('watches one key alone', async () => {
    const { client } = subject();
    const key = `${freshPrefix()}a`;
    const { revision } = await put(client, key, '1');
    await put(client, `${key}b`, 'a longer name');
    await put(client, key, '2');
    const watch = client.watch({ key, fromRevision: revision }, testSignal());
    const events = await takeUntil(watch, (seen) => seen.length >= 2);
    expect(events.map(inShort)).toEqual([`${revision} put ${key} 1`, `${revision + 2} put ${key} 2`]);
  });

  it('begins at a revision of the future when it comes', async () => {
    const { client } = subject();
    const key = `${freshPrefix()}a`;
    const { revision } = await put(client, key, '0');
    const watch = client.watch({ key, fromRevision: revision + 3 }, testSignal());
    const taken = takeUntil(watch, (seen) => seen.length > 0);
    for (const value of ['1', '2', '3', '4']) await put(client, key, value);
    const [event] = await taken;
    expect(event && inShort(event)).toBe(`${revision + 3} put ${key} 3`);
  });

  it('never splits a revision, however large, in catching up and live', async () => {
    const { client } = subject();
    const prefix = freshPrefix();
    const value = Buffer.alloc(8 * 1024, 'x');
    const write = (round: number): Promise<{ revision: number }> => {
      const then = Array.from({ length: 100 }, (_, i): Operation => ({
        kind: 'put',
        key: `${prefix}${round}/${i}`,
        value,
      }));
      return client.txn({ then }, testSignal());
    };
    const { revision: first } = await write(0);
    for (let round = 1; round < 8; round++) await write(round);
    const range = { key: prefix, rangeEnd: prefixEnd(prefix) };
    const sizes = new Map<number, number>();
    let last = 0;
    let live: Promise<unknown> | undefined;
    for await (const batch of client.watch({ ...range, fromRevision: first }, testSignal())) {
      for (const { kv } of batch.events) {
        expect(kv.modRevision).toBeGreaterThan(last);
        sizes.set(kv.modRevision, (sizes.get(kv.modRevision) ?? 0) + 1);
      }
      last = batch.revision;
      for (const size of sizes.values()) expect(size).toBe(100);
      if (sizes.size === 8) live ??= write(8).then(() => write(9));
      if (sizes.size === 10) break;
    }
    await live;
    expect([...sizes.keys()]).toEqual(Array.from({ length: 10 }, (_, i) => first + i));
  });

  it('shows many concurrent writers in one order, each exactly once, to every watcher', async () => {
    const { client } = subject();
    const prefix = freshPrefix();
    const { revision } = await put(client, `${prefix}start`, '');
    const range = { key: prefix, rangeEnd: prefixEnd(prefix), fromRevision: revision + 1 };
    const total = 20 * 25;
    const watching = [1, 2, 3].map(() =>
      takeUntil(client.watch(range, testSignal()), (seen) => seen.length >= total),
    );
    const written = await Promise.all(
      Array.from({ length: 20 }, async (_, writer) => {
        const mine: string[] = [];
        for (let i = 0; i < 25; i++) {
          const { revision: at } = await put(client, `${prefix}${writer}`, String(i));
          mine.push(`${at} put ${prefix}${writer} ${i}`);
        }
        return mine;
      }),
    );
    const expected = written.flat().sort((a, b) => Number.parseInt(a) - Number.parseInt(b));
    for (const events of await Promise.all(watching)) expect(events.map(inShort)).toEqual(expected);
  });

  it('ends when its signal aborts, with the reason', async () => {
    const { client } = subject();
    const abort = new AbortController();
    const watch = client.watch({ key: 'quiet', fromRevision: NEVER_YET }, abort.signal);
    const taken = takeUntil(watch, (seen: readonly WatchEvent[]) => seen.length > 0);
    setTimeout(() => abort.abort(new Error('no longer interested')), 50);
    await expect(taken).rejects.toThrow('no longer interested');
  });

  it('does not lose events for a reader who is slower than the writers', async () => {
    const { client } = subject();
    const prefix = freshPrefix();
    const { revision } = await put(client, prefix, 'the first');
    const seen: number[] = [];
    const value = 'y'.repeat(64 * 1024);
    const total = 300;
    const range = { key: prefix, rangeEnd: prefixEnd(prefix), fromRevision: revision };
    let writing: Promise<unknown> | undefined;
    for await (const { events } of client.watch(range, testSignal())) {
      seen.push(...events.map(({ kv }) => kv.modRevision));
      // The first event read holds up the watch until all the others are written.
      writing ??= Promise.all(
        Array.from({ length: total - 1 }, (_, i) => put(client, `${prefix}${i}`, value)),
      );
      await writing;
      if (seen.length >= total) break;
    }
    expect(seen).toEqual(Array.from({ length: total }, (_, i) => revision + i));
  });
});
