import { describe, expect, it } from 'vitest';
import { boundedViolations } from '#test/faults/support/bounded-reads.ts';
import type { TagOperation, TagOutcome } from '#test/faults/support/tag-history.ts';

const tag = { client: 'c', region: 'us', tag: 'tag' };

function put(digest: string, invokedAt: number, returnedAt: number, revision: number): TagOperation {
  const outcome: TagOutcome =
    returnedAt === Infinity ? { kind: 'unknown', why: '' } : { kind: 'ok', revision };
  return { ...tag, action: { kind: 'put', digest }, invokedAt, returnedAt, outcome };
}

interface Told {
  readonly revision?: number;
  readonly stalenessMs?: number;
  readonly warned?: boolean;
}

function read(digest: string, invokedAt: number, told: Told, minRevision?: number): TagOperation {
  const how = minRevision === undefined ? 'bounded' : 'own';
  const action = { kind: 'read', how, ...(minRevision === undefined ? {} : { minRevision }) } as const;
  return { ...tag, action, invokedAt, returnedAt: invokedAt + 10, outcome: { kind: 'ok', digest, ...told } };
}

const writes = [put('a', 0, 10, 1), put('b', 100, 110, 2), put('lost', 120, Infinity, 0)];
const whyOf = (operation: TagOperation): string | undefined =>
  boundedViolations([...writes, operation])[0]?.why;

describe('a bounded read', () => {
  it('may be as old as it says', () => {
    expect(whyOf(read('a', 300, { stalenessMs: 1_000, revision: 1 }))).toBeUndefined();
    expect(whyOf(read('b', 300, { stalenessMs: 0, revision: 2 }))).toBeUndefined();
    expect(whyOf(read('lost', 300, { stalenessMs: 0, revision: 3 }))).toBeUndefined();
  });

  it('is refused when it is older', () => {
    expect(whyOf(read('a', 300, { stalenessMs: 100, revision: 1 }))).toContain('no longer current');
  });

  it('is refused when its value was never written, or not yet', () => {
    expect(whyOf(read('x', 300, { stalenessMs: 1_000 }))).toContain('never written');
    expect(whyOf(read('b', 50, { stalenessMs: 1_000 }))).toContain('only afterwards');
  });

  it('sees what its reader wrote, unless it warns', () => {
    expect(whyOf(read('b', 300, { stalenessMs: 1_000, revision: 2 }, 2))).toBeUndefined();
    expect(whyOf(read('a', 300, { stalenessMs: 1_000, revision: 2 }, 2))).toContain('is not seen');
    expect(whyOf(read('a', 300, { stalenessMs: 1_000, revision: 1 }, 2))).toContain('without a warning');
    expect(whyOf(read('a', 300, { stalenessMs: 1_000, revision: 1, warned: true }, 2))).toBeUndefined();
  });
});
