import { describe, expect, it } from 'vitest';
import { createQuiet } from '#services/replication/transfer/quiet.ts';

const neverAborts = new AbortController().signal;
const FULL_LOOK_MS = 1_000;

function setUp() {
  const world = { losses: 'a 0', now: 0, fails: false };
  const quiet = createQuiet({
    losses: async () => {
      if (world.fails) throw new Error('The storage is away.');
      return world.losses;
    },
    fullLookMs: FULL_LOOK_MS,
    now: () => world.now,
  });
  return { world, quiet, holds: (revision = 1) => quiet.holds(revision, neverAborts) };
}

describe('looks at everything', () => {
  it('are spared after one that found all, while neither catalog nor storage has changed', async () => {
    const { world, quiet, holds } = setUp();
    expect(await holds()).toBe(false);
    quiet.looked(true);
    expect(await holds()).toBe(true);
    expect(await holds(2)).toBe(false);
    quiet.looked(true);
    world.losses = 'a 1';
    expect(await holds(2)).toBe(false);
  });

  it('are not spared after one that did not find all, nor where the storage can not be asked', async () => {
    const { world, quiet, holds } = setUp();
    await holds();
    quiet.looked(false);
    expect(await holds()).toBe(false);
    quiet.looked(true);
    world.fails = true;
    expect(await holds()).toBe(false);
  });

  it('are made now and then all the same', async () => {
    const { world, quiet, holds } = setUp();
    await holds();
    quiet.looked(true);
    world.now = FULL_LOOK_MS - 1;
    expect(await holds()).toBe(true);
    world.now = FULL_LOOK_MS;
    expect(await holds()).toBe(false);
  });
});
