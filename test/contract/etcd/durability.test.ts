import { expect, it } from 'vitest';
import { prefixEnd } from '#libs/etcd/prefix.ts';
import { describeStores, freshPrefix, inShort, put, takeUntil, testSignal } from './stores.ts';

describeStores((subject) => {
  it('still has every acknowledged put, its revision and its history after kill -9', async () => {
    const { client, server } = subject();
    const prefix = freshPrefix();
    const range = { key: prefix, rangeEnd: prefixEnd(prefix) };
    const { id } = await client.grant(600, testSignal());
    const { revision: first } = await put(client, `${prefix}leased`, 'x', id);
    const acknowledged: string[] = [`${first} put ${prefix}leased x`];
    const writers = Array.from({ length: 16 }, async (_, writer) => {
      for (let i = 0; ; i++) {
        const written = await put(client, `${prefix}${writer}`, String(i)).catch(() => undefined);
        if (written === undefined) return;
        acknowledged.push(`${written.revision} put ${prefix}${writer} ${i}`);
      }
    });
    await expect.poll(() => acknowledged.length, { timeout: 20_000 }).toBeGreaterThan(200);
    await server.kill();
    await Promise.all(writers);
    await server.restart();

    const { revision: last } = await client.range({ key: prefix }, testSignal());
    const newest = Math.max(...acknowledged.map((event) => Number.parseInt(event)));
    expect(last).toBeGreaterThanOrEqual(newest);
    const watch = client.watch({ ...range, fromRevision: first }, testSignal());
    const events = await takeUntil(watch, (seen) => (seen.at(-1)?.kv.modRevision ?? 0) >= last);
    const survived = new Set(events.map(inShort));
    expect(acknowledged.filter((event) => !survived.has(event))).toEqual([]);

    expect(await client.keepAlive(id, testSignal())).toBe(600);
    expect((await put(client, `${prefix}after`, '', id)).revision).toBe(last + 1);
    await client.revoke(id, testSignal());
    const { kvs } = await client.range(range, testSignal());
    expect(kvs.map(({ key }) => key)).not.toContain(`${prefix}leased`);
  });

  it('still knows what was compacted after kill -9', async () => {
    const { client, server } = subject();
    const key = `${freshPrefix()}a`;
    const { revision } = await put(client, key, '1');
    await put(client, key, '2');
    await client.compact(revision + 1, testSignal());
    await server.kill();
    await server.restart();
    await expect(client.range({ key, revision }, testSignal())).rejects.toThrow('compacted');
    expect(await client.range({ key }, testSignal())).toMatchObject({ kvs: [{ version: 2 }] });
  });
});
