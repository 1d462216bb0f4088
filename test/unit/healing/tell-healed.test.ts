import { describe, expect, it } from 'vitest';
import type { RegionEvent } from '#libs/region-event.ts';
import { tellHealed } from '#services/replication/healing/tell-healed.ts';

const blob = { digest: 'sha256:damaged', size: 10 };
const replica: RegionEvent = { kind: 'replica', ...blob, from: 'eu' };
const healed: RegionEvent = { kind: 'healed', ...blob, from: 'eu' };
const damagedAt = (atMs: number): RegionEvent => ({ kind: 'damaged', ...blob, why: 'of a test', atMs });

describe('what is told of damaged blobs', () => {
  it('is once that one is healed, when a copy of it has come', () => {
    const { told, at } = region();
    at(10, damagedAt(9));
    at(11, replica);
    at(12, replica);
    expect(told).toEqual([damagedAt(9), replica, healed, replica]);
  });

  it('is the same where the copy is told of before the damage', () => {
    const { told, at } = region();
    at(10, replica);
    at(11, damagedAt(9));
    expect(told).toEqual([replica, damagedAt(9), healed]);
    at(20, damagedAt(19));
    expect(told.filter(({ kind }) => kind === 'healed')).toHaveLength(1);
    at(21, replica);
    expect(told.filter(({ kind }) => kind === 'healed')).toHaveLength(2);
  });

  it('is no healing where the damage came to the copy', () => {
    const { told, at } = region();
    at(10, replica);
    at(20, damagedAt(19));
    expect(told).toEqual([replica, damagedAt(19)]);
  });
});

/** A region, and what it tells; each event comes at a time. */
function region(): { told: RegionEvent[]; at: (ms: number, event: RegionEvent) => void } {
  const told: RegionEvent[] = [];
  let now = 0;
  const tell = tellHealed(
    (event) => void told.push(event),
    () => now,
  );
  return {
    told,
    at: (ms, event) => {
      now = ms;
      tell(event);
    },
  };
}
