import { describe, expect, it } from 'vitest';
import { wantedRegions } from '#services/replication/catalog/push/durability.ts';
import { thrownBy } from './thrown.ts';

const FIVE = ['a', 'b', 'c', 'd', 'e'];

describe('the regions that a push must be on disk in', () => {
  it.each([
    [undefined, FIVE, 2],
    [undefined, ['a', 'b'], 2],
    [undefined, ['a'], 1],
    [3, FIVE, 3],
    [1, FIVE, 1],
    ['quorum', FIVE, 3],
    ['quorum', ['a', 'b', 'c', 'd'], 3],
    ['quorum', ['a'], 1],
    ['all', FIVE, 5],
  ] as const)('with durability %s of %j are %i', (durability, active, count) => {
    expect(wantedRegions(durability, active, 'a')).toEqual({ regions: active, count });
  });

  it('with durability local are this one, even while it is draining', () => {
    expect(wantedRegions('local', ['a', 'b'], 'c')).toEqual({ regions: ['c'], count: 1 });
  });

  it.each([
    [3, ['a', 'b']],
    [undefined, []],
    ['all', []],
    ['quorum', []],
  ] as const)('with durability %s of %j can not be had', (durability, active) => {
    expect(thrownBy(() => wantedRegions(durability, active, 'a'))).toMatchObject({ code: 'UNAVAILABLE' });
  });
});
