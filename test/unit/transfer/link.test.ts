import { describe, expect, it } from 'vitest';
import { createLink, type Link, type LinkLimits } from '#services/replication/transfer/link.ts';

const neverAborts = new AbortController().signal;
const RANGE = 800_000;
const unlimited: LinkLimits = { all: undefined, background: undefined };
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** A link by a clock that stands still, and what it has let begin. */
function noting(limits: LinkLimits = unlimited) {
  const clock = { ms: 1_000_000 };
  const link: Link = createLink(limits, () => clock.ms);
  const begun: string[] = [];
  const ask = (name: string, rank: () => number, signal = neverAborts, bytes = RANGE) => {
    const admitted = link.admit({ bytes, rank }, signal);
    admitted.then(
      () => begun.push(name),
      () => undefined,
    );
    return async (): Promise<void> => (await admitted)();
  };
  return { clock, begun, ask, reconsider: () => link.reconsider() };
}

const client = (): number => 0;
const manifest = (): number => 1;
const layer = (): number => 3;

describe('a link', () => {
  it('lets everything pass while no client needs it', async () => {
    const { begun, ask } = noting();
    for (const name of ['a', 'b', 'c']) ask(name, layer);
    await settled();
    expect(begun).toEqual(['a', 'b', 'c']);
  });

  it('is a client’s before all others, of whom it gives a part, the more urgent first', async () => {
    const { begun, ask } = noting();
    const over = Array.from({ length: 8 }, (_, i) => ask(`client ${i}`, client));
    ask('layer', layer);
    ask('manifest', manifest);
    await settled();
    expect(begun).toEqual(Array.from({ length: 8 }, (_, i) => `client ${i}`));
    begun.length = 0;
    for (const end of over.slice(1)) await end();
    await settled();
    expect(begun).toEqual([]);
    // By now an eighth of what clients got is as much as one range.
    const last = ask('client 8', client);
    await over[0]?.();
    await settled();
    expect(begun).toEqual(['client 8', 'manifest']);
    await last();
    await settled();
    expect(begun).toEqual(['client 8', 'manifest']);
  });

  it('is a client’s at once who comes to wait for what was asked for by nobody', async () => {
    const { begun, ask, reconsider } = noting();
    const over = ask('client', client);
    await over();
    const joined = { rank: 3 };
    ask('layer', () => joined.rank);
    await settled();
    // The link is still the clients' for a moment.
    expect(begun).toEqual(['client']);
    joined.rank = 0;
    reconsider();
    await settled();
    expect(begun).toEqual(['client', 'layer']);
  });

  it('is everyone’s again soon after the last client’s bytes have come', async () => {
    const { clock, begun, ask } = noting();
    const over = ask('client', client);
    await over();
    ask('layer', layer);
    ask('config', () => 2);
    await settled();
    expect(begun).toEqual(['client']);
    clock.ms += 250;
    ask('another layer', layer);
    await settled();
    expect(begun).toEqual(['client', 'config', 'layer', 'another layer']);
  });

  it('is not kept from the others by the few bytes that a client waits for, nor for them', async () => {
    const { begun, ask } = noting();
    const over = ask('manifest', client, neverAborts, 2_000);
    ask('layer', layer);
    await settled();
    await over();
    ask('config', () => 2);
    await settled();
    expect(begun).toEqual(['manifest', 'layer', 'config']);
    ask('as much as there is', client, neverAborts, 0);
    ask('another layer', layer);
    await settled();
    expect(begun).toEqual(['manifest', 'layer', 'config', 'as much as there is']);
  });

  it('lets pass at the next occasion what a client has come to wait for', async () => {
    const { begun, ask } = noting();
    const over = ask('client', client);
    const state = { rank: 3 };
    ask('layer', layer);
    ask('joined', () => state.rank);
    state.rank = 0;
    await over();
    await settled();
    expect(begun).toEqual(['client', 'joined']);
  });

  it('takes what is given up out of the queue', async () => {
    const { begun, ask } = noting();
    const abort = new AbortController();
    ask('client', client);
    const gone = ask('gone', layer, abort.signal);
    abort.abort(new Error('gone'));
    await expect(gone()).rejects.toThrow('gone');
    await settled();
    expect(begun).toEqual(['client']);
  });

  it('keeps to its limit, clients before the others', async () => {
    // A range takes ten milliseconds, and what is kept is for ten ranges.
    const { clock, begun, ask } = noting({ all: RANGE / 10, background: undefined });
    for (let i = 0; i < 11; i++) ask('layer', layer);
    await settled();
    expect(begun).toHaveLength(10);
    ask('client', client);
    await settled();
    expect(begun).toHaveLength(11);
    expect(begun.at(-1)).toBe('client');
    clock.ms += 9;
    const again = ask('another client', client);
    await settled();
    expect(begun).toHaveLength(12);
    await again();
  });

  it('limits by itself what no client waits for', async () => {
    const { begun, ask } = noting({ all: undefined, background: RANGE / 10 });
    for (let i = 0; i < 20; i++) ask('layer', layer);
    await settled();
    expect(begun).toHaveLength(10);
    for (let i = 0; i < 20; i++) ask('client', client);
    await settled();
    expect(begun).toHaveLength(30);
  });
});
