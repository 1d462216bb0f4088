import { expect, it } from 'vitest';
import { connectEtcd } from '#libs/etcd/client.ts';
import { prefixEnd } from '#libs/etcd/prefix.ts';
import type { EtcdClient, WatchEvent } from '#libs/etcd/store.ts';
import { seededRandom } from '#test/support/seeded-random.ts';
import { startTcpProxy, type TcpProxy } from '#test/support/tcp-proxy.ts';
import { CALL_TIMEOUT_MS, describeStores, freshPrefix, inShort, put, testSignal } from './stores.ts';

/** More revisions than a server sends in one message, so that breaks also come between messages. */
const CATCH_UP_WRITES = 2_400;
const LIVE_WRITES = 480;
const WRITERS = 24;
/** About twice the largest message: some connections break within one, some carry several. */
const MAX_BYTES_PER_CONNECTION = 300_000;
/** The first connections break within the handshake or the first message. */
const EARLY_CUTS = 3;
const FEW_BYTES = 20_000;
const SEEDS = [1, 2];

describeStores((subject) => {
  it.each(SEEDS)(
    'loses and doubles no event when connections break in catching up and live (seed %i)',
    async (seed) => {
      const { client, server } = subject();
      const random = seededRandom(seed);
      const prefix = freshPrefix();
      const written = await write(client, prefix, CATCH_UP_WRITES, random);
      const proxy = await startTcpProxy(server.port);
      let connections = 0;
      proxy.cutAfter(() => {
        connections += 1;
        const most = connections <= EARLY_CUTS ? FEW_BYTES : MAX_BYTES_PER_CONNECTION;
        return Math.floor(random() * most);
      });
      const broken = connectEtcd({ endpoints: [proxy.endpoint], callTimeoutMs: CALL_TIMEOUT_MS });
      try {
        const first = written[0]?.revision ?? 0;
        const total = CATCH_UP_WRITES + LIVE_WRITES;
        let live: Promise<Written[]> | undefined;
        const seen = await follow(broken, prefix, first, (events) => {
          if (events.length < CATCH_UP_WRITES) return false;
          live ??= cutWhile(proxy, write(client, prefix, LIVE_WRITES, random), random);
          return events.length >= total;
        });
        written.push(...((await live) ?? []));
        expect(seen.map(inShort)).toEqual(written.map(({ event }) => event));
        expect(proxy.cuts()).toBeGreaterThan(EARLY_CUTS);
      } finally {
        broken.close();
        await proxy.close();
      }
    },
  );
});

interface Written {
  readonly revision: number;
  readonly event: string;
}

/** One event per transaction, by concurrent writers: puts, and deletions of what is there. */
async function write(
  client: EtcdClient,
  prefix: string,
  count: number,
  random: () => number,
): Promise<Written[]> {
  const writers = Array.from({ length: WRITERS }, async (_, writer) => {
    const written: Written[] = [];
    const key = `${prefix}${writer}`;
    let present = false;
    for (let i = 0; i < count / WRITERS; i++) {
      const value = 'v'.repeat(Math.floor(random() * 100));
      const remove: boolean = present && random() < 0.3;
      const { revision } = remove
        ? await client.txn({ then: [{ kind: 'delete', key }] }, testSignal())
        : await put(client, key, value);
      present = !remove;
      written.push({
        revision,
        event: `${revision} ${remove ? `delete ${key}` : `put ${key} ${value}`}`.trim(),
      });
    }
    return written;
  });
  return (await Promise.all(writers)).flat().sort((a, b) => a.revision - b.revision);
}

/** What a caller does: on any disturbance, a new watch from the last revision taken + 1. */
async function follow(
  client: EtcdClient,
  prefix: string,
  from: number,
  enough: (events: readonly WatchEvent[]) => boolean,
): Promise<WatchEvent[]> {
  const events: WatchEvent[] = [];
  const range = { key: prefix, rangeEnd: prefixEnd(prefix) };
  const signal = testSignal();
  let next = from;
  for (;;) {
    try {
      for await (const batch of client.watch({ ...range, fromRevision: next }, signal)) {
        events.push(...batch.events);
        next = batch.revision + 1;
        if (enough(events)) return events;
      }
    } catch {
      signal.throwIfAborted();
    }
  }
}

/** Breaks all connections at once, and again and again until the writing is done. */
async function cutWhile(
  proxy: TcpProxy,
  writing: Promise<Written[]>,
  random: () => number,
): Promise<Written[]> {
  proxy.cutNow();
  const timer = setInterval(() => {
    if (random() < 0.3) proxy.cutNow();
  }, 10);
  try {
    return await writing;
  } finally {
    clearInterval(timer);
  }
}
