import { afterEach, describe, expect, it } from 'vitest';
import type { Chunk } from '#types/meridian/v1/Chunk.ts';
import { TestCatalog } from '#test/support/test-catalog.ts';
import {
  neverAborts,
  someBytes,
  startTransferRegion,
  type TransferRegion,
} from '#test/support/transfer-regions.ts';

const MIB = 1024 * 1024;
const A_MINUTE_MS = 60_000;

describe('what a region sends', () => {
  let us: TransferRegion | undefined;
  afterEach(() => us?.stop());

  /** Reads as another region does, for a client or for nobody. */
  const start = async (makeWayMs: number) => {
    us = await startTransferRegion('us', new TestCatalog(), { makeWayMs });
    const { peer } = us.running;
    const digest = await us.store(someBytes(4 * MIB));
    const range = { digest, offset: 0, length: MIB };
    return (asked: { region: string; background: boolean }, signal = neverAborts) =>
      peer.read({ ...range, ...asked }, { signal })[Symbol.asyncIterator]();
  };
  const toItsEnd = async (chunks: AsyncIterator<Chunk>): Promise<void> => {
    while ((await chunks.next()).done !== true);
  };

  it('goes first where a client waits for it: what another region copies for nobody comes after', async () => {
    const read = await start(A_MINUTE_MS);
    const client = read({ region: 'eu', background: false });
    await client.next();
    const nobodys = read({ region: 'ap', background: true });
    const begun: string[] = [];
    const first = nobodys.next().then(({ done }) => begun.push(done === true ? 'nothing' : 'nobody’s'));
    // Another client of another region is not kept waiting by either.
    await toItsEnd(read({ region: 'ap', background: false }));
    begun.push('another client’s');
    await toItsEnd(client);
    await first;
    expect(begun).toEqual(['another client’s', 'nobody’s']);
    await toItsEnd(nobodys);
  });

  it('comes for nobody at once while no client waits for anything', async () => {
    const read = await start(A_MINUTE_MS);
    const first = read({ region: 'eu', background: true });
    await first.next();
    await toItsEnd(read({ region: 'ap', background: true }));
    await toItsEnd(first);
  });

  it('comes for nobody after a while, however long a client takes', async () => {
    const read = await start(100);
    const client = read({ region: 'eu', background: false });
    await client.next();
    await toItsEnd(read({ region: 'ap', background: true }));
    await toItsEnd(client);
  });

  it('is no longer waited for where the other region has gone', async () => {
    const read = await start(A_MINUTE_MS);
    const client = read({ region: 'eu', background: false });
    await client.next();
    const leaving = new AbortController();
    const nobodys = read({ region: 'ap', background: true }, leaving.signal).next();
    leaving.abort(new Error('It has gone.'));
    await expect(nobodys).rejects.toThrow('It has gone.');
    await toItsEnd(client);
  });
});
