import { describe, expect, it } from 'vitest';
import { assembleRevisions } from '#libs/etcd/revisions.ts';
import type { WatchEvent } from '#libs/etcd/store.ts';

const COMPLETE = false;
const PARTIAL = true;

describe('events put together to whole revisions', () => {
  it('passes on what is whole at once', () => {
    const { add } = assembleRevisions(5);
    expect(add(events(5, 5, 6), COMPLETE)).toEqual({ revision: 6, events: events(5, 5, 6) });
    expect(add(events(9), COMPLETE)).toEqual({ revision: 9, events: events(9) });
  });

  it('holds back the last revision of a part until it is sure to be whole', () => {
    const { add } = assembleRevisions(5);
    expect(add(events(5, 6), PARTIAL)).toEqual({ revision: 5, events: events(5) });
    expect(add(events(6, 6), PARTIAL)).toBeUndefined();
    expect(add(events(6, 7), PARTIAL)).toEqual({ revision: 6, events: events(6, 6, 6, 6) });
    expect(add(events(7), COMPLETE)).toEqual({ revision: 7, events: events(7, 7) });
  });

  it('leaves out what lies before the revision asked for', () => {
    const { add } = assembleRevisions(5);
    expect(add(events(4), COMPLETE)).toBeUndefined();
    expect(add(events(4, 5), COMPLETE)).toEqual({ revision: 5, events: events(5) });
  });

  it.each([[[7, 6]], [[5]], [[6]]])('refuses %j after revision 6: order is lost', (revisions) => {
    const { add } = assembleRevisions(5);
    add(events(5, 6), COMPLETE);
    expect(() => add(events(...revisions), COMPLETE)).toThrow('came after');
  });
});

function events(...revisions: number[]): WatchEvent[] {
  return revisions.map((modRevision) => ({
    kind: 'put',
    kv: { key: 'k', value: Buffer.alloc(0), createRevision: 1, modRevision, version: 1, lease: '0' },
  }));
}
